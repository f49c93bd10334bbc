//! Whose share is refused, and why.

use hufu_custodian::Name;

/// Someone's share, or something else that a custodian sent, is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("what `{custodian}` holds or sent (share {index}) is refused: {fault}")]
pub struct Refusal {
    /// Whose it is.
    pub custodian: Name,
    /// The index that it claims.
    pub index: u8,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a share.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is of a set that has nothing to do with this one.
    #[error("it is of another set")]
    OtherSet,
    /// It is of an earlier or later epoch.
    #[error("it is of epoch {found}, not {expected}")]
    OtherEpoch {
        /// Its epoch.
        found: u32,
        /// The one that is needed.
        expected: u32,
    },
    /// It is of an epoch that was declared dead.
    #[error("it is of epoch {0}, which is dead")]
    DeadEpoch(u32),
    /// It is of an epoch that the custodians have not confirmed.
    #[error("it is of epoch {0}, which is not confirmed yet")]
    Unconfirmed(u32),
    /// Set and epoch are right, and yet it names another manifest.
    #[error("it is under another manifest")]
    OtherManifest,
    /// There is no such index.
    #[error("the set has no such index")]
    NoSeat,
    /// The index is someone else's.
    #[error("this index is of `{0}`")]
    OtherSeat(Name),
    /// There is one of this index already.
    #[error("it is there already")]
    Twice,
    /// It is sealed to another key than the manifest says.
    #[error("it is for another key")]
    OtherKey,
    /// It is for another request.
    #[error("it is for another request")]
    OtherRequest,
    /// What is sealed is not what the custodian signed for.
    #[error("what comes with the signed statement is not what was signed for")]
    Swapped,
    /// It does not open: it was sealed to another key or for another purpose, or changed.
    #[error("it does not open")]
    NotOpened,
    /// It is too short or too long.
    #[error("it has the wrong length")]
    Length,
    /// It is not what was committed to.
    #[error("it is not what was committed to")]
    Commitment,
}
