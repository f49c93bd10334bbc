//! A key out of a passphrase: Argon2id, version 19 (RFC 9106).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::Error;

/// Shortest passphrase of a new file, in bytes.
pub const PASSPHRASE_LEN_MIN: usize = 12;
/// Longest passphrase in bytes.
pub const PASSPHRASE_LEN_MAX: usize = 1_024;
/// Length of the key, in bytes.
const KEY_LEN: usize = 32;
/// Length of the salt, in bytes.
pub(crate) const SALT_LEN: usize = 16;

const MEMORY_MIB: std::ops::RangeInclusive<u32> = 64..=2_048;
const PASSES: std::ops::RangeInclusive<u32> = 3..=16;
const LANES: std::ops::RangeInclusive<u32> = 1..=16;

/// How dear a guess is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Cost {
    /// Memory in MiB.
    #[n(0)]
    memory_mib: u32,
    /// Passes over the memory.
    #[n(1)]
    passes: u32,
    /// Lanes.
    #[n(2)]
    lanes: u32,
}

impl Default for Cost {
    /// Four times the memory of RFC 9106's second recommendation, which is 64 MiB, 3 passes and 4 lanes.
    fn default() -> Self {
        Self { memory_mib: 256, passes: 3, lanes: 4 }
    }
}

impl Cost {
    /// As the default, with so much memory: from 64 to 2048 MiB.
    ///
    /// # Errors
    /// [`Error::Cost`].
    pub fn with_memory_mib(memory_mib: u32) -> Result<Self, Error> {
        let cost = Self { memory_mib, ..Self::default() };
        cost.check()?;
        Ok(cost)
    }

    /// Memory in MiB.
    #[must_use]
    pub fn memory_mib(&self) -> u32 {
        self.memory_mib
    }

    /// What is read from a file neither exhausts this machine nor makes guessing cheap.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !MEMORY_MIB.contains(&self.memory_mib) {
            return Err(Error::Cost("64 to 2048 MiB of memory"));
        }
        if !PASSES.contains(&self.passes) {
            return Err(Error::Cost("3 to 16 passes"));
        }
        if LANES.contains(&self.lanes) { Ok(()) } else { Err(Error::Cost("1 to 16 lanes")) }
    }

    /// The key. What the memory held is overwritten.
    pub(crate) fn derive(&self, passphrase: &SecretBytes, salt: &[u8; SALT_LEN]) -> Result<SecretBytes, Error> {
        self.check()?;
        if passphrase.len() > PASSPHRASE_LEN_MAX {
            return Err(Error::PassphraseLen { min: PASSPHRASE_LEN_MIN, max: PASSPHRASE_LEN_MAX });
        }
        let params = Params::new(self.memory_mib << 10, self.passes, self.lanes, Some(KEY_LEN));
        let params = params.map_err(|_| Error::Cost("the library refused it"))?;
        let mut blocks = Zeroizing::new(Vec::new());
        blocks.try_reserve_exact(params.block_count()).map_err(|_| Error::Memory(self.memory_mib))?;
        blocks.resize_with(params.block_count(), Block::new);
        let mut key = SecretBytes::zeroed(KEY_LEN);
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon
            .hash_password_into_with_memory(passphrase.expose(), salt, key.expose_mut(), blocks.as_mut_slice())
            .map_err(|_| Error::Cost("the library refused it"))?;
        Ok(key)
    }
}

/// Refuses what is too easily guessed, whatever it is.
pub(crate) fn check_new(passphrase: &SecretBytes) -> Result<(), Error> {
    let good = (PASSPHRASE_LEN_MIN..=PASSPHRASE_LEN_MAX).contains(&passphrase.len());
    if good { Ok(()) } else { Err(Error::PassphraseLen { min: PASSPHRASE_LEN_MIN, max: PASSPHRASE_LEN_MAX }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_bounded() {
        for (memory_mib, passes, lanes) in
            [(63, 3, 4), (2_049, 3, 4), (64, 2, 4), (64, 17, 4), (64, 3, 0), (64, 3, 17)]
        {
            let cost = Cost { memory_mib, passes, lanes };
            assert!(matches!(cost.check(), Err(Error::Cost(_))), "{cost:?}");
        }
        assert!(Cost::default().check().is_ok());
        assert!(Cost::with_memory_mib(4_096).is_err());
    }

    /// By the reference program: `echo -n "correct horse" | argon2 0123456789abcdef -id -v 13 -k 65536 -t 3 -p 4 -l 32 -r`.
    #[test]
    fn is_argon2id_as_others_compute_it() {
        let cost = Cost::with_memory_mib(64).unwrap();
        let key = cost.derive(&SecretBytes::from_slice(b"correct horse"), b"0123456789abcdef").unwrap();
        let hex: String = key.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "2f56f5363a695288ff28810e46ad69a1fe3068bc6494cd26a8a673b7d9c2b0a2");
    }

    #[test]
    fn passphrases_have_a_length() {
        let of = |len| SecretBytes::zeroed(len);
        assert!(check_new(&of(PASSPHRASE_LEN_MIN - 1)).is_err());
        assert!(check_new(&of(PASSPHRASE_LEN_MIN)).is_ok());
        assert!(check_new(&of(PASSPHRASE_LEN_MAX + 1)).is_err());
        assert!(Cost::default().derive(&of(PASSPHRASE_LEN_MAX + 1), &[0; SALT_LEN]).is_err());
    }
}
