//! AES-GCM (SP 800-38D) with keys of 128 and 256 bits, by aws-lc.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hufu_core::backend::{Aead, BackendError};
use hufu_secret::SecretBytes;

use super::{TAG_LEN, malformed};
use crate::backend::failed;

pub(crate) struct Key(LessSafeKey);

impl Key {
    pub(super) fn parse(key: &[u8]) -> Result<Self, BackendError> {
        let cipher = if key.len() == AES_128_GCM.key_len() { &AES_128_GCM } else { &AES_256_GCM };
        UnboundKey::new(cipher, key).map(|key| Self(LessSafeKey::new(key))).map_err(|_| malformed())
    }

    pub(super) fn seal(&self, input: Aead<'_>) -> Result<Vec<u8>, BackendError> {
        let mut sealed = vec![0; input.data.len() + TAG_LEN];
        let (ciphertext, tag) = sealed.split_at_mut(input.data.len());
        self.0
            .seal_out_of_place_scatter(nonce(input), Aad::from(input.aad), input.data, ciphertext, &[], tag)
            .map_err(|_| failed("the library refused to encrypt"))?;
        Ok(sealed)
    }

    pub(super) fn open(&self, input: Aead<'_>) -> Result<SecretBytes, BackendError> {
        let len = input.data.len().checked_sub(TAG_LEN).ok_or(BackendError::Rejected)?;
        let (ciphertext, tag) = input.data.split_at(len);
        let mut plaintext = SecretBytes::zeroed(len);
        self.0
            .open_separate_gather(nonce(input), Aad::from(input.aad), ciphertext, tag, plaintext.expose_mut())
            .map_err(|_| BackendError::Rejected)?;
        Ok(plaintext)
    }
}

fn nonce(input: Aead<'_>) -> Nonce {
    Nonce::assume_unique_for_key(*input.nonce)
}
