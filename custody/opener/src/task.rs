//! What an opener is asked.

use hufu_core::algorithm::Algorithm;
use hufu_custodian::{Name, Roster, SealingKey, VerifyingKey};
use hufu_secret::SecretBytes;
use hufu_shares::{ManifestDigest, Subject, Terms};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::secret::Secret;

/// One task.
#[derive(Debug, Encode, Decode)]
pub enum Task {
    /// Make a key and split it. Answer: [`crate::Answer::Split`].
    #[n(1)]
    Split(#[n(0)] Box<Split>),
    /// Put a key together, for a backend. Answer: [`crate::Answer::Recovered`].
    #[n(2)]
    Recover(#[n(0)] Box<Recover>),
    /// Put a key together and throw it away. Answer: [`crate::Answer::Rehearsed`].
    #[n(3)]
    Rehearse(#[n(0)] Box<Opening>),
    /// Put a secret together and share it anew. Answer: [`crate::Answer::Redealt`].
    #[n(4)]
    Redeal(#[n(0)] Box<Redeal>),
}

/// A key that is made and split.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Split {
    /// Its algorithm.
    #[n(0)]
    pub algorithm: Algorithm,
    /// What it is, as [`Subject::name`].
    #[n(1)]
    pub subject: String,
    /// Among whom.
    #[n(2)]
    pub terms: NewTerms,
    /// Who else gets it; nobody where it will be in shares alone.
    #[n(3)]
    pub wrap_to: Option<WrapTo>,
}

/// A key that is put together for a backend.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Recover {
    /// From what.
    #[n(0)]
    pub opening: Opening,
    /// For whom.
    #[n(1)]
    pub wrap_to: WrapTo,
}

/// A secret that is shared anew.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Redeal {
    /// From what.
    #[n(0)]
    pub opening: Opening,
    /// Among whom from now on.
    #[n(1)]
    pub terms: NewTerms,
}

/// Among whom a secret is shared.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct NewTerms {
    /// How many shares make it.
    #[n(0)]
    pub threshold: u8,
    /// Who gets a share, from index 1.
    #[n(1)]
    pub holders: Vec<Name>,
    /// Who all these are.
    #[n(2)]
    pub roster: Roster,
    /// The key that will sign the manifest.
    #[n(3)]
    pub dealer: VerifyingKey,
    /// Now, in milliseconds since 1970.
    #[n(4)]
    pub now_ms: u64,
}

/// The key that material is wrapped for: an import key of the backend that will hold it.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct WrapTo {
    /// SubjectPublicKeyInfo of an RSA key, DER.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub spki: Vec<u8>,
    /// The hash of its OAEP.
    #[n(1)]
    pub hash: Hash,
}

/// A hash of OAEP.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Hash {
    /// SHA-256.
    #[n(1)]
    Sha256,
    /// SHA-1, for tokens that know no other.
    #[n(2)]
    Sha1,
}

/// What a secret is put together from.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Opening {
    /// The dealer's signed manifest ([`hufu_shares::SignedManifest::to_bytes`]).
    #[cbor(n(0), with = "minicbor::bytes")]
    pub manifest: Vec<u8>,
    /// Who must have dealt.
    #[n(1)]
    pub dealer: VerifyingKey,
    /// The manifest that was approved.
    #[n(2)]
    pub expected: ManifestDigest,
    /// Who the custodians are.
    #[n(3)]
    pub roster: Roster,
    /// What they handed over and signed ([`hufu_custodian::Signed::to_bytes`]).
    #[n(4)]
    pub handovers: Vec<ByteVec>,
    /// The key that it is sealed to.
    #[n(5)]
    pub target: SealingKey,
    /// The request that it was handed over for.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub request: [u8; 32],
    /// What the target's key agrees on with each of [`crate::points`].
    #[n(7)]
    pub agreed: Vec<Agreed>,
    /// SubjectPublicKeyInfo of the key, DER; nothing for other secrets.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub public_key: Option<Vec<u8>>,
}

/// The Diffie-Hellman value of the target's key and a point.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Agreed {
    /// The point, as [`SealingKey::point`].
    #[cbor(n(0), with = "minicbor::bytes")]
    point: Vec<u8>,
    /// The value; nothing where the point gives none.
    #[n(1)]
    value: Option<Secret>,
}

impl Agreed {
    /// What a target's key said of a point: nothing where it is on no curve, or gives the neutral element.
    #[must_use]
    pub fn new(point: Vec<u8>, value: Option<SecretBytes>) -> Self {
        Self { point, value: value.map(Secret) }
    }

    pub(crate) fn point(&self) -> &[u8] {
        &self.point
    }

    pub(crate) fn value(&self) -> Option<&SecretBytes> {
        self.value.as_ref().map(|Secret(value)| value)
    }
}

impl NewTerms {
    pub(crate) fn of<'a>(&'a self, subject: &'a Subject, after: Option<&'a hufu_shares::Manifest>) -> Terms<'a> {
        let Self { threshold, holders, roster, dealer, now_ms } = self;
        Terms { subject, threshold: *threshold, holders, roster, dealer, now_ms: *now_ms, after }
    }
}
