//! What several tests need.
#![allow(dead_code, reason = "not every test needs all of it")]

use hufu_secret::{Rng, RngError, SecretBytes};

/// The operating system's randomness.
pub(crate) struct System;

impl Rng for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

/// Random bytes.
pub(crate) fn random(len: usize) -> SecretBytes {
    let mut secret = SecretBytes::zeroed(len);
    System.fill(secret.expose_mut()).unwrap();
    secret
}

/// All ways to choose `count` of 0..`of`.
pub(crate) fn choices(of: usize, count: usize) -> Vec<Vec<usize>> {
    let all = (0..1u32 << of).filter(|set| set.count_ones() as usize == count);
    all.map(|set| (0..of).filter(|at| set >> at & 1 == 1).collect()).collect()
}

/// The same for foreign implementations.
pub(crate) struct Foreign;

impl rand_core::TryRng for Foreign {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Self::Error> {
        System.fill(buffer).unwrap();
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Foreign {}
