//! Guard of the device's random bytes (SP 800-90B §4.4): a source that fails once is not used again by this server.

use hufu_entropy::{Failure, Health, STARTUP_LEN};
use parking_lot::Mutex;

/// Bits of min-entropy a byte that the health tests hold the device to. Devices claim 8; half of that finds a source that is stuck
/// or far off, and never raises a false alarm.
const ENTROPY_BITS: u32 = 4;

/// What is known of the device's random source.
pub(crate) struct DeviceRandom {
    health: Mutex<Watched>,
}

struct Watched {
    health: Health,
    /// Bytes that were tested and thrown away before the first were used.
    startup: usize,
}

impl Default for DeviceRandom {
    fn default() -> Self {
        Self { health: Mutex::new(Watched { health: Health::new(ENTROPY_BITS), startup: 0 }) }
    }
}

impl DeviceRandom {
    /// How many bytes are to be given to [`Self::begin`] before any is used.
    pub(crate) fn startup_len(&self) -> usize {
        STARTUP_LEN.saturating_sub(self.health.lock().startup)
    }

    /// Tests bytes that are not used.
    ///
    /// # Errors
    /// [`Failure`]: the source is bad.
    pub(crate) fn begin(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut watched = self.health.lock();
        watched.startup = watched.startup.saturating_add(bytes.len());
        watched.health.check(bytes)
    }

    /// Tests bytes before they are used.
    ///
    /// # Errors
    /// [`Failure`], also if it was an earlier one: the source is bad, and none of these bytes may be used.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.health.lock().health.check(bytes)
    }
}
