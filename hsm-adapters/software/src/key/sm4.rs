//! SM4-GCM with a nonce of 96 bits (RFC 8998), by the sm4 and aes-gcm crates.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use hufu_core::backend::{Aead, BackendError};
use hufu_secret::SecretBytes;
use sm4::Sm4;

use super::{TAG_LEN, malformed};
use crate::backend::failed;

/// Round keys are zeroized on drop by the libraries.
pub(crate) struct Key(AesGcm<Sm4, U12>);

impl Key {
    pub(super) fn parse(key: &[u8]) -> Result<Self, BackendError> {
        AesGcm::new_from_slice(key).map(Self).map_err(|_| malformed())
    }

    pub(super) fn seal(&self, input: Aead<'_>) -> Result<Vec<u8>, BackendError> {
        let refused = || failed("the library refused to encrypt");
        let mut sealed = vec![0; input.data.len() + TAG_LEN];
        let (ciphertext, tail) = sealed.split_at_mut(input.data.len());
        let buffer = InOutBuf::new(input.data, ciphertext).map_err(|_| refused())?;
        let tag = self.0.encrypt_inout_detached(input.nonce.into(), input.aad, buffer).map_err(|_| refused())?;
        tail.copy_from_slice(&tag);
        Ok(sealed)
    }

    pub(super) fn open(&self, input: Aead<'_>) -> Result<SecretBytes, BackendError> {
        let (ciphertext, tag) = input.data.split_last_chunk::<TAG_LEN>().ok_or(BackendError::Rejected)?;
        let mut plaintext = SecretBytes::zeroed(ciphertext.len());
        let buffer = InOutBuf::new(ciphertext, plaintext.expose_mut()).map_err(|_| BackendError::Rejected)?;
        self.0
            .decrypt_inout_detached(input.nonce.into(), input.aad, buffer, tag.into())
            .map_err(|_| BackendError::Rejected)?;
        Ok(plaintext)
    }
}
