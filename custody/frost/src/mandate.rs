//! What a requester signs: the leave to make one signature.
//!
//! A mandate names everything that a holder must know before it takes part, and a seed that the requester draws anew
//! for each message. The session ids of its attempts are derived from its digest, so the requester's signature covers
//! each of them: a coordinator that loses a holder in the middle begins again with the next attempt, with new nonces,
//! and needs nobody's leave for that; but it cannot invent a session, nor carry one to another key, message or
//! requester. It names the public key, so that a name that means another key at some holder gives nothing. Each holder takes part in an attempt once, so that a mandate is worth at most [`ATTEMPTS_MAX`]
//! signatures, all of one message.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::error::Error;
use crate::id::{MessageDigest, PublicKeyDigest, SessionId, sha256};
use crate::signed::{Leave, Signed, is_name, signed_len_max};
use crate::wire::Message;

/// The most attempts that a mandate may allow.
pub const ATTEMPTS_MAX: u8 = 8;

/// One version of a key, as requesters and holders call it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct KeyVersion {
    /// The key's name, 1 to 255 bytes without control characters.
    #[n(0)]
    pub name: String,
    /// The version, from 1.
    #[n(1)]
    pub version: u32,
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/versions/{}", self.name, self.version)
    }
}

/// Which share is meant. Two key generations under one version give two public keys, whose shares never mix.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShareId {
    /// The key version.
    pub key: KeyVersion,
    /// Digest of the key's `SubjectPublicKeyInfo`.
    pub public_key: PublicKeyDigest,
}

impl fmt::Display for ShareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.key, self.public_key)
    }
}

/// Leave to sign one message with one key, until a time, in a few attempts.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Mandate {
    /// Which installation: a mandate for a test system is none for the real one.
    #[n(0)]
    pub deployment: String,
    /// The key.
    #[n(1)]
    pub key: KeyVersion,
    /// SHA-256 of the message.
    #[n(2)]
    pub message: MessageDigest,
    /// Random bytes, drawn for this mandate.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub seed: [u8; 32],
    /// How often it may be tried, 1 to 8.
    #[n(4)]
    pub attempts: u8,
    /// When it ends, in milliseconds since the Unix epoch. At this time it is over.
    #[n(5)]
    pub expires_at_ms: u64,
    /// Whose leave it is: a name under which holders know a public key.
    #[n(6)]
    pub requester: String,
    /// The public key that the signature is to verify under: what the requester knows of the key beside its name,
    /// which holders alone give a meaning.
    #[n(7)]
    pub public_key: PublicKeyDigest,
}

impl Message for Mandate {
    const DOMAIN: &'static str = "hufu-mandate";
    const LEN_MAX: usize = 1_024;
}

impl Leave for Mandate {
    const SIGNED_DOMAIN: &'static str = "hufu-signed-mandate";

    fn is_in_range(&self) -> bool {
        let mut names = [&self.deployment, &self.key.name, &self.requester].into_iter();
        let in_range = self.key.version > 0 && (1..=ATTEMPTS_MAX).contains(&self.attempts);
        names.all(|name| is_name(name)) && in_range
    }
}

impl Mandate {
    /// The share that it is about.
    #[must_use]
    pub fn share(&self) -> ShareId {
        ShareId { key: self.key.clone(), public_key: self.public_key }
    }

    /// The bytes that the requester signs.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a name is empty, too long or has control characters, or the version or the number
    /// of attempts is out of range.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, Error> {
        Leave::to_be_signed(self)
    }
}

/// A mandate with its requester's signature, which a holder verifies for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedMandate(Signed<Mandate>);

impl SignedMandate {
    /// The longest encoding, in bytes.
    pub const LEN_MAX: usize = signed_len_max(Mandate::LEN_MAX);

    /// Puts the requester's signature over [`Mandate::to_be_signed`] to the mandate.
    ///
    /// # Errors
    /// [`Error::Malformed`] as of [`Mandate::to_be_signed`], or for a signature of more than 512 bytes.
    pub fn new(mandate: Mandate, signature: Vec<u8>) -> Result<Self, Error> {
        Signed::new(mandate, signature).map(Self)
    }

    /// Reads a mandate. The signature is not verified here.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Signed::from_bytes(bytes).map(Self)
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// What is allowed.
    #[must_use]
    pub fn mandate(&self) -> &Mandate {
        self.0.leave()
    }

    /// The bytes that were signed.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.0.signed()
    }

    /// The requester's signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.0.signature()
    }

    /// The session of an attempt, counted from 0: SHA-256 over the envelope `hufu-mandate-session` of the signed
    /// bytes' digest and the attempt. `None` beyond what the mandate allows.
    #[must_use]
    pub fn session(&self, attempt: u8) -> Option<SessionId> {
        let derived = hufu_codec::encode("hufu-mandate-session", 1, &(self.0.digest(), attempt));
        (attempt < self.mandate().attempts).then(|| SessionId(sha256(&derived)))
    }
}

/// Which part of a mandate the bytes are.
pub(crate) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    crate::signed::recognise::<Mandate>(bytes)
}
