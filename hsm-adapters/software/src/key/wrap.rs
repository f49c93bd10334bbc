//! Keys that wrap others: AES key wrap with padding, and the RSA pair of one import.

use aws_lc_rs::signature::RsaKeyPair;
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::ambient::Rng;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use hufu_transport::{Hash, KEK_LEN, Opener};

use super::{draw, malformed, rsa};
use crate::wrapping::refusal;

pub(crate) struct Key(SecretBytes);

impl Key {
    pub(super) fn parse(key: &[u8]) -> Self {
        Self(SecretBytes::from_slice(key))
    }

    pub(super) fn wrap(&self, material: &SecretBytes) -> Result<Vec<u8>, BackendError> {
        hufu_transport::wrap(&self.0, material).map_err(refusal)
    }

    pub(super) fn unwrap(&self, wrapped: &[u8]) -> Result<SecretBytes, BackendError> {
        hufu_transport::unwrap(&self.0, wrapped).map_err(refusal)
    }
}

pub(crate) struct ImportKey {
    opener: Opener,
    hash: Hash,
    public_key: Vec<u8>,
}

impl ImportKey {
    pub(super) fn parse(algorithm: Algorithm, pkcs8: &[u8], scheme: Scheme) -> Result<Self, BackendError> {
        let hash = if scheme == Scheme::RsaAesKwpSha1 { Hash::Sha1 } else { Hash::Sha256 };
        let public_key = rsa::public_key(&RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| malformed())?)?;
        let opener = Opener::parse(&SecretBytes::from_slice(pkcs8)).map_err(|_| malformed())?;
        let fits = Some(opener.modulus_len()) == algorithm.modulus_len();
        if fits { Ok(Self { opener, hash, public_key }) } else { Err(malformed()) }
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        Ok(self.public_key.clone())
    }

    pub(super) fn unwrap(&self, wrapped: &[u8], rng: &dyn Rng) -> Result<SecretBytes, BackendError> {
        self.opener.open(self.hash, &draw(rng, KEK_LEN)?, wrapped).map_err(refusal)
    }
}
