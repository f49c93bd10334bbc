//! Signing, RFC 9591 §5: two rounds between t holders and a coordinator.
//!
//! ```text
//! holder       KeyShare::commit ──► Nonces (stay)  +  Commitment ──► coordinator
//! coordinator  t commitments + message ──► SigningPackage ──► the t holders
//! holder       KeyShare::sign(Nonces, SigningPackage) ──► SignatureShare ──► coordinator
//! coordinator  aggregate ──► signature, or the names of those whose shares are wrong
//! ```
//!
//! Nothing here judges whether the message should be signed: [`crate::Holder`] does.

mod aggregate;
mod message;
mod nonces;

pub use aggregate::aggregate;
pub use message::{Commitment, MESSAGE_LEN_MAX, SignatureShare, SigningPackage};
pub use nonces::Nonces;

use minicbor::{Decode, Encode};

use crate::id::{GroupDigest, MessageDigest, SessionId};
use crate::wire::recognised;

/// What a nonce is for, fixed when it is made: shares of which key, in which attempt, over which message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Purpose {
    /// The group whose key signs.
    #[n(0)]
    pub group: GroupDigest,
    /// The attempt.
    #[n(1)]
    pub session: SessionId,
    /// SHA-256 of the message.
    #[n(2)]
    pub message: MessageDigest,
}

/// Which message of a signature the bytes are.
pub(crate) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    recognised::<Commitment>(bytes)
        .or_else(|| recognised::<SigningPackage>(bytes))
        .or_else(|| recognised::<SignatureShare>(bytes))
}
