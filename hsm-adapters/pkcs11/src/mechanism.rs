//! Which mechanisms make and use a key of a row of the table of algorithms.

use cryptoki::mechanism::vendor_defined::{CKM_VENDOR_DEFINED, VendorDefinedMechanism};
use cryptoki::mechanism::{Mechanism, MechanismType};
use hufu_core::algorithm::{Algorithm, Form, Purpose, Scheme};

use crate::vendor::VendorMechanisms;

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
    /// Length of the key in bits, where tokens tell which lengths they make.
    pub(crate) key_bits: Option<u32>,
}

/// The mechanisms that a row needs.
///
/// # Errors
/// The reason why no token can serve it through PKCS#11.
pub(crate) fn of(row: Row, hashing: Hashing, vendor: &VendorMechanisms) -> Result<Mechanisms, String> {
    let (generate, usage) = match row.scheme {
        Scheme::EcdsaSha256 | Scheme::EcdsaSha384 => (MechanismType::ECC_KEY_PAIR_GEN, MechanismType::ECDSA),
        Scheme::Ed25519 => (MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, MechanismType::EDDSA),
        Scheme::RsaPssSha256 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa_pss(hashing)),
        Scheme::RsaPkcs1Sha256 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa_pkcs1(hashing)),
        Scheme::RsaOaepSha256 | Scheme::RsaAesKwp | Scheme::RsaAesKwpSha1 => {
            (MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::RSA_PKCS_OAEP)
        }
        Scheme::AesGcm => (MechanismType::AES_KEY_GEN, MechanismType::AES_GCM),
        Scheme::HmacSha256 => (MechanismType::GENERIC_SECRET_KEY_GEN, MechanismType::SHA256_HMAC),
        Scheme::HmacSha384 => (MechanismType::GENERIC_SECRET_KEY_GEN, MechanismType::SHA384_HMAC),
        // New in PKCS #11 v3.2.
        Scheme::MlDsa => (MechanismType::ML_DSA_KEY_PAIR_GEN, MechanismType::ML_DSA),
        Scheme::MlKem => (MechanismType::ML_KEM_KEY_PAIR_GEN, MechanismType::ML_KEM),
        Scheme::Ecdh => (agreeing_pair(row.algorithm)?, MechanismType::ECDH1_DERIVE),
        // PKCS #11 v3.2 defines none of them, and a curve without its signature scheme is no substitute.
        Scheme::Sm2Sm3 => {
            vendor.sm2.map(|sm2| (sm2.generate, sm2.sign)).ok_or("the token offers no SM2 signature mechanism")?
        }
        Scheme::Sm4Gcm => {
            vendor.sm4.map(|sm4| (sm4.generate, sm4.gcm)).ok_or("the token offers no SM4-GCM mechanism")?
        }
        Scheme::HmacSm3 => {
            vendor.sm3.map(|sm3| (sm3.generate, sm3.hmac)).ok_or("the token offers no HMAC-SM3 mechanism")?
        }
        Scheme::SchnorrBip340 => {
            return Err(
                "PKCS #11 defines no Schnorr signatures: holders make such keys, protection threshold".to_owned()
            );
        }
        // What a token lets out wrapped, whoever knows its PIN can wrap: docs/design/0012-keys-in-and-out.md.
        Scheme::AesKwp => return Err("no key of the service wraps keys on a token, so none wraps there".to_owned()),
    };
    Ok(Mechanisms { generate, usage, key_bits: key_bits(row.algorithm) })
}

/// How a pair for key agreement is made.
fn agreeing_pair(algorithm: Algorithm) -> Result<MechanismType, String> {
    match algorithm {
        Algorithm::P256 | Algorithm::P384 => Ok(MechanismType::ECC_KEY_PAIR_GEN),
        Algorithm::X25519 => Ok(MechanismType::ECC_MONTGOMERY_KEY_PAIR_GEN),
        _ => Err("the token offers no SM2 key agreement mechanism".to_owned()),
    }
}

/// Tokens tell lengths of curves and moduli in bits; of lattices each tells something else.
fn key_bits(algorithm: Algorithm) -> Option<u32> {
    match (algorithm.entry().form, algorithm) {
        (Form::Rsa(bits), _) => Some(bits),
        (_, Algorithm::P384) => Some(384),
        (_, Algorithm::P256 | Algorithm::Secp256k1 | Algorithm::Ed25519 | Algorithm::X25519) => Some(256),
        _ => None,
    }
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

/// Whether a number is one of a vendor's own, which the list of mechanisms does not show through cryptoki.
pub(crate) fn is_vendors(mechanism: MechanismType) -> bool {
    *mechanism >= CKM_VENDOR_DEFINED
}

/// A vendor's mechanism without parameters.
pub(crate) fn vendors(mechanism: MechanismType) -> Mechanism<'static> {
    Mechanism::VendorDefined(VendorDefinedMechanism::new::<()>(mechanism, None))
}

/// In words, for the caller.
pub(crate) fn shown(mechanism: MechanismType) -> String {
    if is_vendors(mechanism) { format!("mechanism {:#x}", *mechanism) } else { mechanism.to_string() }
}
