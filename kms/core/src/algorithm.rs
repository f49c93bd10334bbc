//! The one table of algorithms: what each is, how strong, which standard, for which purpose.
//!
//! No other place lists algorithms. A key has one algorithm, one purpose and one scheme, fixed at creation.

use std::fmt;

use minicbor::{Decode, Encode};

/// The kind of key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// NIST P-256.
    #[n(1)]
    P256,
    /// NIST P-384.
    #[n(2)]
    P384,
    /// secp256k1: ECDSA with low s, or Schnorr.
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
    /// ML-DSA-44.
    #[n(11)]
    MlDsa44,
    /// ML-DSA-65.
    #[n(12)]
    MlDsa65,
    /// ML-DSA-87.
    #[n(13)]
    MlDsa87,
    /// ML-KEM-768.
    #[n(14)]
    MlKem768,
    /// RSA with a modulus of 2048 bits.
    #[n(15)]
    Rsa2048,
    /// RSA with a modulus of 4096 bits.
    #[n(16)]
    Rsa4096,
    /// AES with a key of 128 bits, in GCM.
    #[n(17)]
    Aes128Gcm,
    /// HMAC with SHA-384.
    #[n(18)]
    HmacSha384,
    /// X25519.
    #[n(19)]
    X25519,
    /// AES with a key of 256 bits, in key wrap with padding.
    #[n(20)]
    Aes256Kwp,
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
    /// Encapsulate and decapsulate shared secrets.
    #[n(4)]
    Encapsulate,
    /// Agree on shared secrets with the holders of other keys.
    #[n(5)]
    Agree,
    /// Wrap and unwrap other keys, never data.
    #[n(6)]
    Wrap,
    /// Open one key on its way in. Made by the service for one import, and gone with it.
    #[n(7)]
    Import,
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
    /// AES-GCM with a nonce of 96 bits (SP 800-38D).
    #[n(8)]
    AesGcm,
    /// SM4-GCM with a nonce of 96 bits (RFC 8998).
    #[n(9)]
    Sm4Gcm,
    /// HMAC-SHA-256 (FIPS 198-1).
    #[n(10)]
    HmacSha256,
    /// HMAC-SM3 (GB/T 15852.2).
    #[n(11)]
    HmacSm3,
    /// Pure ML-DSA with an empty context (FIPS 204 §5.2), hedged: two signatures of one message differ.
    #[n(12)]
    MlDsa,
    /// ML-KEM (FIPS 203 §7).
    #[n(13)]
    MlKem,
    /// HMAC-SHA-384 (FIPS 198-1).
    #[n(14)]
    HmacSha384,
    /// Diffie-Hellman on a curve (SP 800-56Ar3 §5.7.1.2, RFC 7748 §6.1); what comes out goes through a key derivation.
    #[n(15)]
    Ecdh,
    /// AES key wrap with padding (SP 800-38F §6.3, RFC 5649).
    #[n(16)]
    AesKwp,
    /// RSA-OAEP with SHA-256 of an AES-256 key, and AES key wrap with padding under that key: CKM_RSA_AES_KEY_WRAP
    /// (PKCS #11 v3.1 §6.1.22).
    #[n(17)]
    RsaAesKwp,
    /// The same with SHA-1 in OAEP and MGF1, for tokens that know no other. OAEP rests on no property of the hash that
    /// SHA-1 has lost.
    #[n(18)]
    RsaAesKwpSha1,
    /// Schnorr on secp256k1 (BIP-340), over the message as it is: R ‖ s, 64 bytes. The key's point has an even y.
    #[n(19)]
    SchnorrBip340,
}

/// What a key is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A pair of fixed size.
    Pair,
    /// An RSA pair with a modulus of so many bits.
    Rsa(u32),
    /// A secret of so many bytes.
    Secret(usize),
}

/// Whether new keys ought to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Yes.
    Current,
    /// For peers that know nothing better: below 128 bits of strength, which SP 800-57pt1r5 §5.6.3 accepts until 2030.
    Legacy,
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
    /// What the key is made of.
    pub form: Form,
    /// Whether new keys ought to be made.
    pub status: Status,
}

const RSA: &[(Purpose, Scheme)] = &[
    (Purpose::Sign, Scheme::RsaPssSha256),
    (Purpose::Sign, Scheme::RsaPkcs1Sha256),
    (Purpose::Encrypt, Scheme::RsaOaepSha256),
];
/// RSA of at least 128 bits of strength may also carry a key in.
const RSA_STRONG: &[(Purpose, Scheme)] = &[
    (Purpose::Sign, Scheme::RsaPssSha256),
    (Purpose::Sign, Scheme::RsaPkcs1Sha256),
    (Purpose::Encrypt, Scheme::RsaOaepSha256),
    (Purpose::Import, Scheme::RsaAesKwp),
    (Purpose::Import, Scheme::RsaAesKwpSha1),
];
const ML_DSA: &[(Purpose, Scheme)] = &[(Purpose::Sign, Scheme::MlDsa)];
const P256: &[(Purpose, Scheme)] = &[(Purpose::Sign, Scheme::EcdsaSha256), (Purpose::Agree, Scheme::Ecdh)];
const P384: &[(Purpose, Scheme)] = &[(Purpose::Sign, Scheme::EcdsaSha384), (Purpose::Agree, Scheme::Ecdh)];
const SM2: &[(Purpose, Scheme)] = &[(Purpose::Sign, Scheme::Sm2Sm3), (Purpose::Agree, Scheme::Ecdh)];
const SECP256K1: &[(Purpose, Scheme)] =
    &[(Purpose::Sign, Scheme::EcdsaSha256), (Purpose::Sign, Scheme::SchnorrBip340)];
const AES_GCM: &[(Purpose, Scheme)] = &[(Purpose::Encrypt, Scheme::AesGcm)];

/// Every algorithm that the service knows.
///
/// The strength of the lattice schemes is that of the symmetric cipher of their category (FIPS 204 §4, FIPS 203 §8).
pub const TABLE: &[Entry] = &[
    entry(Algorithm::P256, "p256", P256, 128, "FIPS 186-5", Form::Pair),
    entry(Algorithm::P384, "p384", P384, 192, "FIPS 186-5", Form::Pair),
    entry(Algorithm::Secp256k1, "secp256k1", SECP256K1, 128, "SEC 2", Form::Pair),
    entry(Algorithm::Ed25519, "ed25519", &[(Purpose::Sign, Scheme::Ed25519)], 128, "RFC 8032", Form::Pair),
    entry(Algorithm::X25519, "x25519", &[(Purpose::Agree, Scheme::Ecdh)], 128, "RFC 7748", Form::Pair),
    Entry { status: Status::Legacy, ..entry(Algorithm::Rsa2048, "rsa2048", RSA, 112, "RFC 8017", Form::Rsa(2048)) },
    entry(Algorithm::Rsa3072, "rsa3072", RSA_STRONG, 128, "RFC 8017", Form::Rsa(3072)),
    entry(Algorithm::Rsa4096, "rsa4096", RSA_STRONG, 128, "RFC 8017", Form::Rsa(4096)),
    entry(Algorithm::Sm2, "sm2", SM2, 128, "GB/T 32918", Form::Pair),
    entry(Algorithm::MlDsa44, "ml-dsa-44", ML_DSA, 128, "FIPS 204", Form::Pair),
    entry(Algorithm::MlDsa65, "ml-dsa-65", ML_DSA, 192, "FIPS 204", Form::Pair),
    entry(Algorithm::MlDsa87, "ml-dsa-87", ML_DSA, 256, "FIPS 204", Form::Pair),
    entry(Algorithm::MlKem768, "ml-kem-768", &[(Purpose::Encapsulate, Scheme::MlKem)], 192, "FIPS 203", Form::Pair),
    entry(Algorithm::Aes128Gcm, "aes128-gcm", AES_GCM, 128, "SP 800-38D", Form::Secret(16)),
    entry(Algorithm::Aes256Gcm, "aes256-gcm", AES_GCM, 256, "SP 800-38D", Form::Secret(32)),
    entry(Algorithm::Sm4Gcm, "sm4-gcm", &[(Purpose::Encrypt, Scheme::Sm4Gcm)], 128, "GB/T 32907", Form::Secret(16)),
    entry(
        Algorithm::HmacSha256,
        "hmac-sha256",
        &[(Purpose::Mac, Scheme::HmacSha256)],
        256,
        "FIPS 198-1",
        Form::Secret(32),
    ),
    entry(
        Algorithm::HmacSha384,
        "hmac-sha384",
        &[(Purpose::Mac, Scheme::HmacSha384)],
        256,
        "FIPS 198-1",
        Form::Secret(48),
    ),
    entry(Algorithm::HmacSm3, "hmac-sm3", &[(Purpose::Mac, Scheme::HmacSm3)], 256, "GB/T 15852.2", Form::Secret(32)),
    entry(
        Algorithm::Aes256Kwp,
        "aes256-kwp",
        &[(Purpose::Wrap, Scheme::AesKwp)],
        256,
        "SP 800-38F",
        Form::Secret(32),
    ),
];

const fn entry(
    algorithm: Algorithm,
    name: &'static str,
    schemes: &'static [(Purpose, Scheme)],
    strength_bits: u16,
    standard: &'static str,
    form: Form,
) -> Entry {
    Entry { algorithm, name, schemes, strength_bits, standard, form, status: Status::Current }
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
        !matches!(self.entry().form, Form::Secret(_))
    }

    /// Length in bytes of an RSA modulus, and so of a signature or ciphertext; nothing for other keys.
    #[must_use]
    pub fn modulus_len(self) -> Option<usize> {
        match self.entry().form {
            Form::Rsa(bits) => usize::try_from(bits / 8).ok(),
            _ => None,
        }
    }

    /// Length in bytes of the longest plaintext of RSAES-OAEP with SHA-256 (RFC 8017 §7.1.1): k − 2·hLen − 2.
    #[must_use]
    pub fn oaep_len_max(self) -> Option<usize> {
        self.modulus_len()?.checked_sub(2 * 32 + 2)
    }

    /// Length in bytes of the ciphertext of a key encapsulation (FIPS 203 §8, table 3); nothing for other keys.
    #[must_use]
    pub fn encapsulation_len(self) -> Option<usize> {
        (self == Self::MlKem768).then_some(1088)
    }

    /// Length in bytes of a shared secret that two keys agree on, before any derivation: that of the field (SP 800-56Ar3
    /// §5.7.1.2, RFC 7748 §5); nothing for keys that do not agree.
    #[must_use]
    pub fn agreement_len(self) -> Option<usize> {
        match self {
            Self::P256 | Self::Sm2 | Self::X25519 => Some(32),
            Self::P384 => Some(48),
            _ => None,
        }
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
            Self::AesGcm => "aes-gcm",
            Self::Sm4Gcm => "sm4-gcm",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSm3 => "hmac-sm3",
            Self::MlDsa => "ml-dsa",
            Self::MlKem => "ml-kem",
            Self::HmacSha384 => "hmac-sha384",
            Self::Ecdh => "ecdh",
            Self::AesKwp => "aes-kwp",
            Self::RsaAesKwp => "rsa-aes-kwp",
            Self::RsaAesKwpSha1 => "rsa-aes-kwp-sha1",
            Self::SchnorrBip340 => "schnorr-bip340",
        }
    }

    /// The one purpose that it serves.
    #[must_use]
    pub fn purpose(self) -> Purpose {
        match self {
            Self::EcdsaSha256
            | Self::EcdsaSha384
            | Self::Ed25519
            | Self::Sm2Sm3
            | Self::RsaPssSha256
            | Self::RsaPkcs1Sha256
            | Self::SchnorrBip340
            | Self::MlDsa => Purpose::Sign,
            Self::RsaOaepSha256 | Self::AesGcm | Self::Sm4Gcm => Purpose::Encrypt,
            Self::HmacSha256 | Self::HmacSha384 | Self::HmacSm3 => Purpose::Mac,
            Self::MlKem => Purpose::Encapsulate,
            Self::Ecdh => Purpose::Agree,
            Self::AesKwp => Purpose::Wrap,
            Self::RsaAesKwp | Self::RsaAesKwpSha1 => Purpose::Import,
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

    /// Whether two signatures of one message differ.
    #[must_use]
    pub fn is_randomised(self) -> bool {
        matches!(
            self,
            Self::EcdsaSha256
                | Self::EcdsaSha384
                | Self::RsaPssSha256
                | Self::Sm2Sm3
                | Self::MlDsa
                | Self::SchnorrBip340
        )
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
            Self::Encapsulate => "encapsulate",
            Self::Agree => "agree",
            Self::Wrap => "wrap",
            Self::Import => "import",
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
            let floor = if row.status == Status::Legacy { 112 } else { 128 };
            assert!(row.strength_bits >= floor, "{}", row.name);
            for (purpose, scheme) in row.schemes {
                assert!(row.algorithm.allows(*purpose, *scheme));
                assert_eq!(scheme.purpose(), *purpose, "{scheme}");
            }
            assert!(row.algorithm.default_scheme(row.algorithm.default_purpose()).is_some());
        }
        assert_eq!(TABLE.len(), 20);
    }

    /// What is stored says the algorithm, scheme and purpose by these numbers: they never change.
    #[test]
    fn stored_numbers_stay() {
        let numbers = |value: Vec<u8>| value.first().copied();
        let stored = TABLE.iter().map(|row| numbers(minicbor::to_vec(row.algorithm).unwrap()).unwrap());
        let stored: Vec<_> = stored.collect();
        assert_eq!(stored, [1, 2, 3, 4, 19, 15, 5, 16, 6, 11, 12, 13, 14, 17, 7, 8, 9, 18, 10, 20]);
        let schemes =
            [Scheme::AesGcm, Scheme::HmacSm3, Scheme::MlDsa, Scheme::MlKem, Scheme::HmacSha384, Scheme::Ecdh];
        assert_eq!(schemes.map(|scheme| minicbor::to_vec(scheme).unwrap()), [[8], [11], [12], [13], [14], [15]]);
        let schemes = [Scheme::AesKwp, Scheme::RsaAesKwp, Scheme::RsaAesKwpSha1, Scheme::SchnorrBip340];
        assert_eq!(schemes.map(|scheme| minicbor::to_vec(scheme).unwrap()), [[16], [17], [18], [19]]);
        let purposes = [Purpose::Encapsulate, Purpose::Agree, Purpose::Wrap, Purpose::Import];
        assert_eq!(purposes.map(|purpose| minicbor::to_vec(purpose).unwrap()), [[4], [5], [6], [7]]);
    }

    #[test]
    fn lengths_follow_the_table() {
        let lens = [Algorithm::Rsa2048, Algorithm::Rsa3072, Algorithm::Rsa4096].map(Algorithm::oaep_len_max);
        assert_eq!(lens, [Some(190), Some(318), Some(446)]);
        assert_eq!(Algorithm::P256.modulus_len(), None);
        for row in TABLE {
            let agrees = row.schemes.iter().any(|(purpose, _)| *purpose == Purpose::Agree);
            assert_eq!(row.algorithm.agreement_len().is_some(), agrees, "{}", row.name);
        }
        assert!(Algorithm::MlKem768.is_asymmetric() && !Algorithm::Aes128Gcm.is_asymmetric());
    }
}
