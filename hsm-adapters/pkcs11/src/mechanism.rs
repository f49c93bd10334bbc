//! Which mechanisms make and use a key of a row of the table of algorithms.

use cryptoki::mechanism::MechanismType;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};

/// A row of the table of algorithms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Row {
    pub(crate) algorithm: Algorithm,
    pub(crate) purpose: Purpose,
    pub(crate) scheme: Scheme,
}

/// Who hashes the message of an RSA signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Hashing {
    /// We do, and the token signs the digest.
    Ours,
    /// The token does: it lacks the mechanism for digests.
    Token,
}

/// The mechanisms of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mechanisms {
    pub(crate) generate: MechanismType,
    pub(crate) usage: MechanismType,
    pub(crate) key_bits: usize,
}

/// The mechanisms that a row needs.
///
/// # Errors
/// The reason why no token can serve it through PKCS#11.
pub(crate) fn of(row: Row, hashing: Hashing) -> Result<Mechanisms, String> {
    let (generate, usage, key_bits) = match row.scheme {
        Scheme::EcdsaSha256 => (MechanismType::ECC_KEY_PAIR_GEN, MechanismType::ECDSA, 256),
        Scheme::EcdsaSha384 => (MechanismType::ECC_KEY_PAIR_GEN, MechanismType::ECDSA, 384),
        Scheme::Ed25519 => (MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, MechanismType::EDDSA, 256),
        Scheme::RsaPssSha256 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa_pss(hashing), 3072),
        Scheme::RsaPkcs1Sha256 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa_pkcs1(hashing), 3072),
        Scheme::RsaOaepSha256 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::RSA_PKCS_OAEP, 3072),
        Scheme::Aes256Gcm => (MechanismType::AES_KEY_GEN, MechanismType::AES_GCM, 256),
        Scheme::HmacSha256 => (MechanismType::GENERIC_SECRET_KEY_GEN, MechanismType::SHA256_HMAC, 256),
        // PKCS #11 v3.1 defines none of them, and a curve without its signature scheme is no substitute.
        Scheme::Sm2Sm3 => return Err("the token offers no SM2 signature mechanism".to_owned()),
        Scheme::Sm4Gcm => return Err("the token offers no SM4-GCM mechanism".to_owned()),
        Scheme::HmacSm3 => return Err("the token offers no HMAC-SM3 mechanism".to_owned()),
    };
    Ok(Mechanisms { generate, usage, key_bits })
}

/// Whether there is a choice of who hashes.
pub(crate) fn may_hash_on_token(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::RsaPssSha256 | Scheme::RsaPkcs1Sha256)
}

fn rsa_pss(hashing: Hashing) -> MechanismType {
    if hashing == Hashing::Ours { MechanismType::RSA_PKCS_PSS } else { MechanismType::SHA256_RSA_PKCS_PSS }
}

fn rsa_pkcs1(hashing: Hashing) -> MechanismType {
    if hashing == Hashing::Ours { MechanismType::RSA_PKCS } else { MechanismType::SHA256_RSA_PKCS }
}
