//! PKCS#11 drivers in a supervised process of their own.
//!
//! A vendor's library that crashes, hangs or overwrites memory costs the process that loaded it. Here that is
//! `hufu-hsm-worker`: [`WorkerBackend`] starts it, speaks with it over an inherited socket ([`wire`]), and replaces it when it
//! dies, breaks the protocol or hangs. The PIN travels over that socket alone, after the worker has hardened itself.
//!
//! Time is that of the operating system: the supervisor waits on sockets and processes.

mod guest;
mod host;
pub mod wire;

pub use guest::serve;
pub use host::{Config, OpenError, PROGRAM, WorkerBackend};
