//! Key ids on the log.

use minicbor::bytes::ByteSlice;
use sha2::{Digest, Sha256};

use crate::cbor;

/// Id of a public key in the log of this origin: SHA-256 over deterministic CBOR
/// `["hufu-key-v1", origin, spki]`, where `spki_der` is the DER of the SubjectPublicKeyInfo
/// (RFC 5280 §4.1).
///
/// One public key has one id in a log, so that a revoked key cannot come back under another name.
#[must_use]
pub fn key_id_for_public_key(origin: &str, spki_der: &[u8]) -> [u8; 32] {
    Sha256::digest(cbor::encode(("hufu-key-v1", origin, <&ByteSlice>::from(spki_der)))).into()
}
