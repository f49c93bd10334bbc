//! How keys travel: AES key wrap with padding, RSA-AES key wrap, and PKCS #8, for the service and for whoever sends or receives a
//! key. Knows nothing else of ours.
//!
//! The primitives are aws-lc's. Material is in [`hufu_secret::SecretBytes`] from the first to the last byte.
//! Randomness is the caller's; OAEP seeds are drawn by the library.

mod kwp;
mod pkcs8;
mod rsa_aes;

pub use kwp::{KEK_LEN, unwrap, wrap};
pub use pkcs8::{Curve, MlDsa, Pair, from_pkcs8, public_key_of, to_pkcs8};
pub use rsa_aes::{Hash, MODULUS_BITS_MAX, MODULUS_BITS_MIN, Opener, Receiver};

/// Longest material, in bytes: PKCS #8 of RSA with 4096 bits needs 2376, of ML-DSA-87 with both forms 4962.
pub const MATERIAL_LEN_MAX: usize = 8192;

/// Longest wrapped material, in bytes: modulus, material and what key wrap adds.
pub const WRAPPED_LEN_MAX: usize = MODULUS_BITS_MAX / 8 + MATERIAL_LEN_MAX + 16;

/// Why a key does not travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// What came is not genuine. Says nothing more, so that it is no oracle.
    #[error("rejected")]
    Rejected,
    /// The key that shall wrap or open is not one that can.
    #[error("the key is not of RSA with 3072 to 8192 bits")]
    Unusable,
    /// The material is empty or longer than [`MATERIAL_LEN_MAX`].
    #[error("the key material has an unusable length")]
    Length,
    /// A private key is not PKCS #8 of the expected kind.
    #[error("the private key is not PKCS #8 of that algorithm")]
    Malformed,
    /// The library refused.
    #[error("the library refused")]
    Refused,
}
