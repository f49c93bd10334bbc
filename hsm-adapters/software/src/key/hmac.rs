//! HMAC (FIPS 198-1): SHA-256 by aws-lc, SM3 (GB/T 15852.2) by the hmac and sm3 crates.

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::hmac as aws_lc_hmac;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use sm3::Sm3;

use super::malformed;

/// Shorter keys than the output would weaken the MAC (SP 800-107r1 §5.3.4); ours have 32 bytes.
const KEY_LEN: usize = 32;

pub(crate) struct Sha256Key(aws_lc_hmac::Key);

impl Sha256Key {
    pub(super) fn parse(key: &[u8]) -> Result<Self, BackendError> {
        check_len(key)?;
        Ok(Self(aws_lc_hmac::Key::new(aws_lc_hmac::HMAC_SHA256, key)))
    }

    pub(super) fn mac(&self, data: &[u8]) -> Vec<u8> {
        aws_lc_hmac::sign(&self.0, data).as_ref().to_vec()
    }
}

pub(crate) struct Sm3Key(SecretBytes);

impl Sm3Key {
    pub(super) fn parse(key: &[u8]) -> Result<Self, BackendError> {
        check_len(key)?;
        Ok(Self(SecretBytes::from_slice(key)))
    }

    pub(super) fn mac(&self, data: &[u8]) -> Result<Vec<u8>, BackendError> {
        let mut mac = Hmac::<Sm3>::new_from_slice(self.0.expose()).map_err(|_| malformed())?;
        mac.update(data);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

fn check_len(key: &[u8]) -> Result<(), BackendError> {
    if key.len() == KEY_LEN { Ok(()) } else { Err(malformed()) }
}
