//! Signatures, ciphertexts, random bytes.

use super::keys::Version;
use hufu_core::record::Protection;
use hufu_secret::SecretBytes;

/// What is signed or authenticated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A message.
    Message(Vec<u8>),
    /// A digest, only where the key allows it.
    Digest(Vec<u8>),
}

/// How ECDSA and SM2 signatures are written. Other schemes have one form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SignatureFormat {
    /// SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 §2.2.3, RFC 8410 does not apply).
    #[default]
    Der,
    /// r ‖ s, each of the field's length (IEEE P1363).
    Raw,
}

/// A signature or MAC and who made it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// The version that made it.
    pub version: Version,
    /// The bytes.
    pub signature: Vec<u8>,
}

/// Signatures of a batch, in the order of the inputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedBatch {
    /// The version that made them.
    pub version: Version,
    /// The signatures.
    pub signatures: Vec<Vec<u8>>,
}

/// Whether a signature or MAC is good, and by which version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Whether it is good.
    pub valid: bool,
    /// The version that made it, or, if it is not good, the last one tried. Its state is for the caller to judge.
    pub version: Version,
}

/// A ciphertext: opaque bytes that carry format, key version and nonce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encrypted {
    /// The version that made it.
    pub version: Version,
    /// The bytes.
    pub ciphertext: Vec<u8>,
}

/// A plaintext.
#[derive(Debug)]
pub struct Decrypted {
    /// The version that had made the ciphertext.
    pub version: Version,
    /// The bytes.
    pub plaintext: SecretBytes,
}

/// A fresh data key, in clear and encrypted under the key.
#[derive(Debug)]
pub struct DataKey {
    /// The version that encrypted it.
    pub version: Version,
    /// The data key in clear.
    pub plaintext: SecretBytes,
    /// The data key as a ciphertext that Decrypt opens.
    pub ciphertext: Vec<u8>,
}

/// A shared secret, and the ciphertext that carries it.
#[derive(Debug)]
pub struct Encapsulated {
    /// The version for which it was made. The ciphertext does not tell.
    pub version: Version,
    /// The ciphertext, as the standard writes it.
    pub ciphertext: Vec<u8>,
    /// The shared secret.
    pub secret: SecretBytes,
}

/// A recovered shared secret.
#[derive(Debug)]
pub struct Decapsulated {
    /// The version that recovered it.
    pub version: Version,
    /// The shared secret.
    pub secret: SecretBytes,
}

/// A key derivation function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kdf {
    /// HKDF with SHA-256 (RFC 5869), with salt and info.
    HkdfSha256,
    /// The KDF of ANSI X9.63 with SHA-256 (SEC 1 §3.6.1); the info is its SharedInfo.
    X963Sha256,
    /// The same with SM3, the KDF of GB/T 32918.4 §5.4.3 (GM/T 0003.4).
    X963Sm3,
}

impl Kdf {
    /// The function's name in the audit trail.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HkdfSha256 => "hkdf-sha256",
            Self::X963Sha256 => "x963-sha256",
            Self::X963Sm3 => "x963-sm3",
        }
    }
}

/// How a key is derived from a shared secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Derivation {
    /// The function.
    pub kdf: Kdf,
    /// The salt of HKDF; empty for others.
    pub salt: Vec<u8>,
    /// What the key is for and between whom.
    pub info: Vec<u8>,
    /// Length of the key in bytes.
    pub len: usize,
}

/// A key derived from a shared secret.
#[derive(Debug)]
pub struct Derived {
    /// The version that agreed on the secret.
    pub version: Version,
    /// The derived key.
    pub secret: SecretBytes,
}

/// Random bytes and where they came from.
#[derive(Debug)]
pub struct RandomBytes {
    /// The bytes.
    pub bytes: SecretBytes,
    /// Which backend drew them.
    pub protection: Protection,
    /// Whether that backend is a simulation.
    pub simulated: bool,
}
