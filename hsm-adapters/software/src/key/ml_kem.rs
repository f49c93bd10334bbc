//! ML-KEM-768 (FIPS 203), by aws-lc.
//!
//! The library opens no seed, so the material is the decapsulation key as FIPS 203 §7.1 writes it:
//! `dk_PKE ‖ ek ‖ H(ek) ‖ z`.

use aws_lc_rs::digest::{SHA3_256, digest};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, ML_KEM_768};
use hufu_core::algorithm::Algorithm;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

use super::malformed;
use crate::backend::{failed, invalid};
use crate::spki;

/// Length in bytes of the decapsulation key (FIPS 203 §8, table 3).
const KEY_LEN: usize = 2400;
/// Where ek begins and ends in it, and H(ek) ends: 384·k, 768·k + 32, 768·k + 64 for k = 3.
const PUBLIC_AT: usize = 1152;
const HASH_AT: usize = 2336;
const Z_AT: usize = 2368;

pub(crate) struct Key {
    key: DecapsulationKey,
    public_key: Vec<u8>,
}

/// Makes a pair; the library draws its own randomness.
pub(super) fn generate() -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let refused = |_| failed("the library could not generate an ML-KEM key");
    let key = DecapsulationKey::generate(&ML_KEM_768).map_err(refused)?;
    let material = SecretBytes::from_slice(key.key_bytes().map_err(refused)?.as_ref());
    let public_key = Key::parse(material.expose())?.public_key()?;
    Ok((material, public_key))
}

impl Key {
    /// Parses a decapsulation key, with the checks of FIPS 203 §7.3: length and hash of the public half in it.
    pub(super) fn parse(material: &[u8]) -> Result<Self, BackendError> {
        let public = material.get(PUBLIC_AT..HASH_AT).ok_or_else(malformed)?;
        let hash = material.get(HASH_AT..Z_AT).ok_or_else(malformed)?;
        if material.len() != KEY_LEN || digest(&SHA3_256, public).as_ref() != hash {
            return Err(malformed());
        }
        let key = DecapsulationKey::new(&ML_KEM_768, material).map_err(|_| malformed())?;
        Ok(Self { key, public_key: spki::from_raw(Algorithm::MlKem768, public)? })
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        Ok(self.public_key.clone())
    }

    /// Every ciphertext of the right length gives a secret (implicit rejection), so there is no oracle.
    pub(super) fn decapsulate(&self, ciphertext: &[u8]) -> Result<SecretBytes, BackendError> {
        if Some(ciphertext.len()) != Algorithm::MlKem768.encapsulation_len() {
            return Err(invalid("a ciphertext of ML-KEM-768 has 1088 bytes"));
        }
        let secret = self.key.decapsulate(Ciphertext::from(ciphertext));
        Ok(SecretBytes::from_slice(secret.map_err(|_| failed("the library refused to decapsulate"))?.as_ref()))
    }
}
