//! Why shares are refused.

use hufu_codec::CodecError;
use hufu_custodian::Name;
use hufu_secret::RngError;

use crate::{Missing, Refusal};

/// Why something about shares is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something cannot be shared in this way.
    #[error("this cannot be shared: {0}")]
    Terms(&'static str),
    /// Shares that cannot be put together at all.
    #[error("the shares cannot be put together: {0}")]
    Points(&'static str),
    /// A manifest that cannot be one.
    #[error("the manifest is refused: {0}")]
    Manifest(&'static str),
    /// A manifest of someone else, or a changed one.
    #[error("the manifest is not signed by the dealer who is expected")]
    Dealer,
    /// A manifest other than the one that was asked for.
    #[error("this is another manifest than the one that is expected")]
    OtherManifest,
    /// A set of another kind than is needed.
    #[error("this is for shares of a scalar only (Feldman)")]
    NoScalar,
    /// Someone's share, or what someone sent, is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Several of them.
    #[error("{}", list(.0))]
    Culprits(Vec<Refusal>),
    /// There are too few shares.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// All shares are as they were dealt, and yet make another secret than the dealer committed to: the dealer erred or cheated.
    #[error("the shares are as they were dealt, and do not make the secret that the dealer committed to")]
    OtherSecret,
    /// A request that no share is handed over for.
    #[error("the request is refused: {0}")]
    HandoverRequest(&'static str),
    /// A transcript that does not verify.
    #[error("the transcript is refused: {0}")]
    Transcript(&'static str),
    /// An epoch that does not come after the current one.
    #[error("the epochs are refused: {0}")]
    Epochs(&'static str),
    /// An epoch may not die yet.
    #[error("not confirmed by enough custodians; awaited: {}", names(.0))]
    Unconfirmed(Vec<Name>),
    /// Something about custodians.
    #[error(transparent)]
    Custodian(#[from] hufu_custodian::Error),
    /// Bytes that are not what they should be.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// More than the limit.
    #[error("`{what}` is longer than {max} bytes")]
    TooLong {
        /// The domain of what it is.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Randomness is missing.
    #[error(transparent)]
    Random(#[from] RngError),
}

fn list(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Names as people read them in a row.
pub(crate) fn names(names: &[Name]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
