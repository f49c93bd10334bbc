//! What surrounds every decision: time and randomness, both injected.

use std::time::Duration;

pub use hufu_secret::{Rng, RngError, random_array};

/// Wall time and uptime.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch. May jump when an operator sets the clock.
    fn now_ms(&self) -> u64;
    /// Time since an arbitrary start; never jumps, stops while the machine is off.
    fn uptime(&self) -> Duration;
}
