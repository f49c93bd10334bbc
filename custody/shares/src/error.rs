//! Why shares are refused.

use hufu_secret::RngError;

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
    /// Randomness is missing.
    #[error(transparent)]
    Random(#[from] RngError),
}
