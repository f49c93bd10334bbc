//! HMAC (FIPS 198-1): SHA-2 by aws-lc, SM3 (GB/T 15852.2) by the hmac and sm3 crates.
//!
//! Keys are as long as the output: shorter ones would weaken the MAC (SP 800-107r1 §5.3.4).

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::hmac as aws_lc_hmac;
use hufu_core::algorithm::Algorithm;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use sm3::Sm3;

use super::malformed;

pub(crate) struct Sha2Key(aws_lc_hmac::Key);

impl Sha2Key {
    pub(super) fn parse(algorithm: Algorithm, key: &[u8]) -> Self {
        let hash = match algorithm {
            Algorithm::HmacSha384 => aws_lc_hmac::HMAC_SHA384,
            _ => aws_lc_hmac::HMAC_SHA256,
        };
        Self(aws_lc_hmac::Key::new(hash, key))
    }

    pub(super) fn mac(&self, data: &[u8]) -> Vec<u8> {
        aws_lc_hmac::sign(&self.0, data).as_ref().to_vec()
    }
}

pub(crate) struct Sm3Key(SecretBytes);

impl Sm3Key {
    pub(super) fn parse(key: &[u8]) -> Self {
        Self(SecretBytes::from_slice(key))
    }

    pub(super) fn mac(&self, data: &[u8]) -> Result<Vec<u8>, BackendError> {
        let mut mac = Hmac::<Sm3>::new_from_slice(self.0.expose()).map_err(|_| malformed())?;
        mac.update(data);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}
