//! How many encryptions a version has been granted.

use minicbor::{Decode, Encode};

use super::{Record, VersionUid};
use crate::changeset::Collection;

/// Encryptions reserved so far under one version; servers take them in blocks.
///
/// With random 96-bit nonces SP 800-38D §8.3 allows 2³² invocations of GCM under one key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct UsageCeiling {
    /// The version.
    #[n(0)]
    pub uid: VersionUid,
    /// Encryptions reserved so far.
    #[n(1)]
    pub reserved: u64,
}

impl UsageCeiling {
    /// Most encryptions under one version.
    pub const MAX: u64 = 1 << 32;
}

impl Record for UsageCeiling {
    const COLLECTION: Collection = Collection::Usage;
    const DOMAIN: &'static str = "hufu-usage";

    fn id(&self) -> String {
        self.uid.to_string()
    }
}
