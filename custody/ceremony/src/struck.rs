//! Shares that were brought, and are not what was dealt.

use hufu_custodian::Name;
use minicbor::{Decode, Encode};

use crate::Fingerprint;
use crate::text::Text;

/// A share that its target opened, and that does not belong: it counts no more. That it is wrong is the service's word; it was sealed
/// so that nobody else can open it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct StruckShare {
    /// Who brought it.
    #[n(0)]
    pub who: Name,
    /// Its index.
    #[n(1)]
    pub index: u32,
    /// SHA-256 of the share as it was sealed.
    #[n(2)]
    pub digest: Fingerprint,
    /// What is wrong with it.
    #[n(3)]
    pub why: Text,
}
