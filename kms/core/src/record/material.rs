//! Which version a piece of key material belongs to.

use minicbor::{Decode, Encode};

use super::{Record, VersionUid};
use crate::changeset::Collection;

/// The owner of material on a device. Objects without such a row and without an intent are reported, never deleted.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Material {
    /// Identity on the device.
    #[n(0)]
    pub uid: VersionUid,
    /// Resource name of the version, or what else the service keeps there.
    #[n(1)]
    pub owner: String,
}

impl Record for Material {
    const COLLECTION: Collection = Collection::Material;
    const DOMAIN: &'static str = "hufu-material";

    fn id(&self) -> String {
        self.uid.to_string()
    }
}
