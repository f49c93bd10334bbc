//! Conversions between the API's types and plain Rust types.

mod status;
mod time;
mod transport;

pub(crate) use status::error;
pub(crate) use time::{duration, timestamp};
pub use time::{instant, seconds};
pub(crate) use transport::timed_out;
