//! How often signatures are checked.

use std::num::NonZeroU32;

use hufu_core::algorithm::Scheme;

/// How often signatures are checked. Those of RSA always are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verify {
    /// Each one.
    Always,
    /// The first of each key after the backend has lost its device, a start included.
    #[default]
    Reopened,
    /// As [`Verify::Reopened`], and one of so many.
    Sampled(NonZeroU32),
}

/// Whether one faulty signature of the scheme gives the private key away.
pub(crate) fn is_fragile(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::RsaPssSha256 | Scheme::RsaPkcs1Sha256)
}
