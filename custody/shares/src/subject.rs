//! What a secret is.

use minicbor::{Decode, Encode};

/// Longest name of a subject in bytes.
const LEN_MAX: usize = 255;

/// What is shared, so that nobody opens a share in the belief that it is of something else.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Subject {
    /// Its name, as `root/custodians` or `tenants/acme/keys/app/versions/1`: 1 to 255 visible ASCII characters.
    #[n(0)]
    pub name: String,
    /// SHA-256 of the SubjectPublicKeyInfo, when the secret is a private key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub public_key: Option<[u8; 32]>,
}

impl Subject {
    pub(crate) fn is_sound(&self) -> bool {
        (1..=LEN_MAX).contains(&self.name.len()) && self.name.bytes().all(|byte| byte.is_ascii_graphic())
    }
}
