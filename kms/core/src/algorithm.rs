//! The one table of algorithms: what each is, how strong, which standard, for which purpose.
//!
//! No other place lists algorithms. A key has one algorithm, one purpose and one scheme, fixed at creation.

use std::fmt;

use minicbor::{Decode, Encode};

/// The kind of key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// ECDSA on NIST P-256.
    #[n(1)]
    P256,
    /// ECDSA on NIST P-384.
    #[n(2)]
    P384,
    /// ECDSA on secp256k1, low-s.
    #[n(3)]
    Secp256k1,
    /// Ed25519.
    #[n(4)]
    Ed25519,
    /// RSA with a modulus of 3072 bits.
    #[n(5)]
    Rsa3072,
    /// SM2 on the recommended curve.
    #[n(6)]
    Sm2,
    /// AES with a key of 256 bits, in GCM.
    #[n(7)]
    Aes256Gcm,
    /// SM4 in GCM.
    #[n(8)]
    Sm4Gcm,
    /// HMAC with SHA-256.
    #[n(9)]
    HmacSha256,
    /// HMAC with SM3.
    #[n(10)]
    HmacSm3,
}

/// What a key is for. One purpose a key: never sign and decrypt, never wrap and decrypt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// Sign and verify.
    #[n(1)]
    Sign,
    /// Encrypt and decrypt.
    #[n(2)]
    Encrypt,
    /// Authenticate messages.
    #[n(3)]
    Mac,
}

/// How a key is used: algorithm, padding and hash together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Scheme {
    /// ECDSA with SHA-256 (FIPS 186-5 §6).
    #[n(1)]
    EcdsaSha256,
    /// ECDSA with SHA-384 (FIPS 186-5 §6).
    #[n(2)]
    EcdsaSha384,
    /// Pure Ed25519 (RFC 8032 §5.1).
    #[n(3)]
    Ed25519,
    /// SM2 signature with SM3 and a distinguishing identifier (GB/T 32918.2).
    #[n(4)]
    Sm2Sm3,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 8017 §8.1).
    #[n(5)]
    RsaPssSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2).
    #[n(6)]
    RsaPkcs1Sha256,
    /// RSAES-OAEP with SHA-256 and MGF1-SHA-256 (RFC 8017 §7.1).
    #[n(7)]
    RsaOaepSha256,
    /// AES-256-GCM with a nonce of 96 bits (SP 800-38D).
    #[n(8)]
    Aes256Gcm,
    /// SM4-GCM with a nonce of 96 bits (RFC 8998).
    #[n(9)]
    Sm4Gcm,
    /// HMAC-SHA-256 (FIPS 198-1).
    #[n(10)]
    HmacSha256,
    /// HMAC-SM3 (GB/T 15852.2).
    #[n(11)]
    HmacSm3,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The kind of key.
    pub algorithm: Algorithm,
    /// The name used by the command line, the ledger and the audit trail.
    pub name: &'static str,
    /// What the key is used with, the default first for each purpose.
    pub schemes: &'static [(Purpose, Scheme)],
    /// Classical security strength in bits (SP 800-57pt1r5 §5.6.1).
    pub strength_bits: u16,
    /// The standard that defines it.
    pub standard: &'static str,
}

/// Every algorithm that the service knows.
pub const TABLE: &[Entry] = &[
    entry(Algorithm::P256, "p256", &[(Purpose::Sign, Scheme::EcdsaSha256)], 128, "FIPS 186-5"),
    entry(Algorithm::P384, "p384", &[(Purpose::Sign, Scheme::EcdsaSha384)], 192, "FIPS 186-5"),
    entry(Algorithm::Secp256k1, "secp256k1", &[(Purpose::Sign, Scheme::EcdsaSha256)], 128, "SEC 2"),
    entry(Algorithm::Ed25519, "ed25519", &[(Purpose::Sign, Scheme::Ed25519)], 128, "RFC 8032"),
    entry(
        Algorithm::Rsa3072,
        "rsa3072",
        &[
            (Purpose::Sign, Scheme::RsaPssSha256),
            (Purpose::Sign, Scheme::RsaPkcs1Sha256),
            (Purpose::Encrypt, Scheme::RsaOaepSha256),
        ],
        128,
        "RFC 8017",
    ),
    entry(Algorithm::Sm2, "sm2", &[(Purpose::Sign, Scheme::Sm2Sm3)], 128, "GB/T 32918"),
    entry(Algorithm::Aes256Gcm, "aes256-gcm", &[(Purpose::Encrypt, Scheme::Aes256Gcm)], 256, "SP 800-38D"),
    entry(Algorithm::Sm4Gcm, "sm4-gcm", &[(Purpose::Encrypt, Scheme::Sm4Gcm)], 128, "GB/T 32907"),
    entry(Algorithm::HmacSha256, "hmac-sha256", &[(Purpose::Mac, Scheme::HmacSha256)], 256, "FIPS 198-1"),
    entry(Algorithm::HmacSm3, "hmac-sm3", &[(Purpose::Mac, Scheme::HmacSm3)], 256, "GB/T 15852.2"),
];

const fn entry(
    algorithm: Algorithm,
    name: &'static str,
    schemes: &'static [(Purpose, Scheme)],
    strength_bits: u16,
    standard: &'static str,
) -> Entry {
    Entry { algorithm, name, schemes, strength_bits, standard }
}

impl Algorithm {
    /// The row of this algorithm.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the table is a constant and has rows")]
    pub fn entry(self) -> &'static Entry {
        // INVARIANT: the table has a row for each variant (tested below); the first row is never reached otherwise.
        TABLE.iter().find(|e| e.algorithm == self).unwrap_or(&TABLE[0])
    }

    /// The algorithm's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|e| e.name == name).map(|e| e.algorithm)
    }

    /// The purpose that a key has when the caller names none.
    #[must_use]
    pub fn default_purpose(self) -> Purpose {
        self.entry().schemes.first().map_or(Purpose::Sign, |(purpose, _)| *purpose)
    }

    /// The scheme for a purpose when the caller names none; nothing when the algorithm cannot serve it.
    #[must_use]
    pub fn default_scheme(self, purpose: Purpose) -> Option<Scheme> {
        self.entry().schemes.iter().find(|(p, _)| *p == purpose).map(|(_, scheme)| *scheme)
    }

    /// Whether the algorithm may be used so.
    #[must_use]
    pub fn allows(self, purpose: Purpose, scheme: Scheme) -> bool {
        self.entry().schemes.contains(&(purpose, scheme))
    }

    /// Whether keys come as pairs with a public half.
    #[must_use]
    pub fn is_asymmetric(self) -> bool {
        !matches!(self, Self::Aes256Gcm | Self::Sm4Gcm | Self::HmacSha256 | Self::HmacSm3)
    }
}

impl Scheme {
    /// The scheme's name in the audit trail.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
            Self::Ed25519 => "ed25519",
            Self::Sm2Sm3 => "sm2-sm3",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaOaepSha256 => "rsa-oaep-sha256",
            Self::Aes256Gcm => "aes256-gcm",
            Self::Sm4Gcm => "sm4-gcm",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSm3 => "hmac-sm3",
        }
    }

    /// Length in bytes of a raw digest that stands for a message, where the scheme can sign one.
    ///
    /// For SM2 it is e = SM3(Z_A ‖ M) of GB/T 32918.2 §6.1, computed by the caller.
    #[must_use]
    pub fn digest_len(self) -> Option<usize> {
        match self {
            Self::EcdsaSha256 | Self::Sm2Sm3 | Self::RsaPssSha256 | Self::RsaPkcs1Sha256 => Some(32),
            Self::EcdsaSha384 => Some(48),
            _ => None,
        }
    }

    /// Length in bytes of each of r and s, where the signature is such a pair.
    #[must_use]
    pub fn scalar_len(self) -> Option<usize> {
        match self {
            Self::EcdsaSha256 | Self::Sm2Sm3 => Some(32),
            Self::EcdsaSha384 => Some(48),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sign => "sign",
            Self::Encrypt => "encrypt",
            Self::Mac => "mac",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_one_row_and_a_default_scheme() {
        for row in TABLE {
            assert_eq!(row.algorithm.entry().name, row.name);
            assert_eq!(Algorithm::by_name(row.name), Some(row.algorithm));
            assert!(row.strength_bits >= 112, "{}", row.name);
            for (purpose, scheme) in row.schemes {
                assert!(row.algorithm.allows(*purpose, *scheme));
            }
            assert!(row.algorithm.default_scheme(row.algorithm.default_purpose()).is_some());
        }
        assert_eq!(TABLE.len(), 10);
    }
}
