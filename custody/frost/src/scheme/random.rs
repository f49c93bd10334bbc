//! Our fallible random source as the infallible one that the FROST crates take.

use frost_ed25519::rand_core::{self, CryptoRng, RngCore};

use crate::ambient::{Random, RandomError};

/// Runs `make` with a generator over `source`, and drops what was made if the source failed once.
pub(super) fn drawing<T>(
    source: &mut dyn Random,
    make: impl FnOnce(&mut Generator<'_>) -> T,
) -> Result<T, RandomError> {
    let mut generator = Generator { source, failed: false };
    let made = make(&mut generator);
    if generator.failed { Err(RandomError) } else { Ok(made) }
}

pub(super) struct Generator<'a> {
    source: &'a mut dyn Random,
    failed: bool,
}

impl RngCore for Generator<'_> {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        if self.failed || self.source.fill(buffer).is_err() {
            self.failed = true;
            // Not zeros: a sampler that draws again until it has a scalar other than zero would never return.
            buffer.fill(1);
        }
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(buffer);
        Ok(())
    }
}

impl CryptoRng for Generator<'_> {}
