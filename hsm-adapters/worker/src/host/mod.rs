//! The side of the service: the backend that callers see, and the supervisor of the process behind it.

mod backend;
mod config;
mod driver_log;
mod link;
mod process;
mod restart;
mod state;
mod supervisor;

pub use backend::WorkerBackend;
pub use config::{Config, OpenError, PROGRAM};
