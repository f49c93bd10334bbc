//! Why something was refused.

use hufu_tlog::{CheckpointError, NoteError, ProofError};
use thiserror::Error;

use crate::cbor::Refusal;
use crate::event::Event;
use crate::history::Status;

/// Why a bundle, a note or a pair of checkpoints was refused.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The bundle itself is malformed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The checkpoint's note is malformed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text of the note is not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The text of the note is not a statement about an import job.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// No signature carries the name and id of the verifier key.
    #[error("checkpoint is not signed by the log's key")]
    NotSigned,
    /// The verifier key is not a point on the curve.
    #[error("verifier key is not an Ed25519 public key")]
    VerifierKey,
    /// The signature under the verifier key is wrong (RFC 8032 §5.1.7, with strict checks).
    #[error("signature of the checkpoint is wrong")]
    Signature,
    /// The checkpoint names another log than the verifier key, or two checkpoints differ in it.
    #[error("checkpoint is of another log")]
    Origin,
    /// The newer checkpoint does not extend the older one: the log has forked or was cut.
    #[error("newer checkpoint does not extend the older one")]
    Inconsistent(#[source] ProofError),
    /// An entry does not fit.
    #[error("entry {entry}: {error}")]
    Entry {
        /// Which, from 0.
        entry: usize,
        /// Why.
        error: EntryError,
    },
}

/// The text is not a statement about an import job.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the note is not a statement about an import job")]
pub struct StatementError;

/// Why one entry of a bundle was refused.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The leaf is malformed.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The leaf is not in the tree of the checkpoint.
    #[error("not included in the checkpoint: {0}")]
    NotIncluded(#[from] ProofError),
    /// Its index in the log is not above that of the entry before.
    #[error("index is not above that of the entry before")]
    Order,
    /// It was made for another log.
    #[error("leaf is of another log")]
    Origin,
    /// Its sequence does not follow the entry before.
    #[error("sequence does not follow the entry before")]
    Sequence,
    /// It names another previous event than the entry before.
    #[error("previous event is not the entry before")]
    Previous,
    /// It is of another key, or of none.
    #[error("leaf is of another key")]
    KeyId,
    /// It is of another key than the public key in the bundle.
    #[error("leaf is not of the public key in the bundle")]
    PublicKey,
    /// It names another algorithm than the entries before.
    #[error("algorithm is not that of the entries before")]
    Algorithm,
    /// The event cannot happen there.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Why an event does not continue the history of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The history does not begin with a registration.
    #[error("history does not begin with `register` but with `{0}`")]
    NotRegistered(Event),
    /// The event cannot happen in this state.
    #[error("`{event}` cannot follow in state `{status}`")]
    Illegal {
        /// What is said to have happened.
        event: Event,
        /// The state it is said to have happened in.
        status: Status,
    },
    /// An event that this verifier does not know. What it means for the key cannot be told.
    #[error("unknown event {0}")]
    Unknown(u64),
}

/// Why a leaf was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LeafError {
    /// Longer than the limit.
    #[error("leaf is longer than {} bytes", crate::leaf::LEAF_LEN_MAX)]
    TooLong,
    /// Not CBOR with the fields of a leaf.
    #[error("leaf is malformed")]
    Malformed,
    /// Another format than `hufu-leaf` version 1.
    #[error("not a leaf of version 1")]
    Format,
    /// Not deterministic CBOR.
    #[error("leaf is not deterministic CBOR")]
    NotCanonical,
    /// The origin is empty, too long, or holds a control character.
    #[error("leaf origin is empty, too long or holds control characters")]
    Origin,
    /// Only the event with sequence 0 has no previous event.
    #[error("leaf has sequence 0 and a previous event, or neither")]
    Previous,
    /// The event needs a key id or must not have one.
    #[error("leaf lacks the key id that its event needs, or has one that it must not have")]
    KeyId,
    /// The algorithm is not a short name.
    #[error("leaf algorithm is not a name of 1 to 64 graphic ASCII characters")]
    Algorithm,
    /// The reason is missing from a revocation, or does not go with the event.
    #[error("leaf reason is missing or does not go with the event")]
    Reason,
    /// Only a revocation can tell since when the key is compromised.
    #[error("leaf tells a time of compromise without a revocation")]
    CompromisedAt,
    /// The extensions are too many, or one has no proper name.
    #[error("leaf extensions are too many or have no proper names")]
    Extensions,
}

/// Why a bundle was refused before anything in it was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Longer than the limit.
    #[error("bundle is longer than {} bytes", crate::bundle::BUNDLE_LEN_MAX)]
    TooLong,
    /// Not CBOR with the fields of a bundle, or a part of it is over its limit.
    #[error("bundle is malformed")]
    Malformed,
    /// Another format than `hufu-bundle` version 1.
    #[error("not a bundle of version 1")]
    Format,
    /// Not deterministic CBOR.
    #[error("bundle is not deterministic CBOR")]
    NotCanonical,
    /// No entries, too many, or one over its limit.
    #[error("bundle has no entries, too many, or one that is too long")]
    Entries,
    /// The public key is empty or too long.
    #[error("public key is empty or longer than {} bytes", crate::bundle::PUBLIC_KEY_LEN_MAX)]
    PublicKey,
    /// The checkpoint's note is longer than a note can be.
    #[error("checkpoint is too long")]
    Checkpoint,
}

impl From<Refusal> for LeafError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::Malformed,
            Refusal::Format => Self::Format,
            Refusal::NotCanonical => Self::NotCanonical,
        }
    }
}

impl From<Refusal> for BundleError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::Malformed,
            Refusal::Format => Self::Format,
            Refusal::NotCanonical => Self::NotCanonical,
        }
    }
}
