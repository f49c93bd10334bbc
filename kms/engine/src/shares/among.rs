//! Among whom a set shares its secret: who holds the next version of a key, too.

use hufu_core::changeset::{Collection, RowSeal as _};
use hufu_core::codec;
use hufu_core::name::SetId;
use hufu_core::record::Sharing;
use hufu_core::{Error, Reason};
use hufu_log::leaf_scope;
use hufu_shares::Manifest;
use hufu_verify::Leaf;
use sha2::{Digest as _, Sha256};

use crate::engine::Engine;
use crate::fault;

/// What the last leaf of a set tells that is gone: [`digest`].
pub(super) const AMONG: &str = "share-among";

impl Engine {
    /// Among whom a set shares its secret, as its newest leaf says. A set that is gone was last shared as its last leaf says: `known`,
    /// or that is an older copy.
    ///
    /// # Errors
    /// [`Reason::Quarantined`] when ledger and database disagree; those of reading.
    pub(crate) async fn shared_among(&self, set: SetId, known: &Sharing) -> Result<Sharing, Error> {
        match self.share_set(set).await {
            Ok(stored) => Ok(sharing(stored.in_force())),
            Err(error) if error.reason() == Reason::ShareSetNotFound => {
                self.check_was_among(set, known).await.map(|()| known.clone())
            }
            Err(error) => Err(error),
        }
    }

    async fn check_was_among(&self, set: SetId, known: &Sharing) -> Result<(), Error> {
        let scope = leaf_scope(&self.set_ledger_id(set));
        let leaf = self.store.last(Collection::Leaf, &scope).await.map_err(fault::store)?;
        let leaf = leaf.filter(|row| self.keyring.is_genuine(row)).and_then(|row| Leaf::decode(&row.body).ok());
        let told = leaf.as_ref().and_then(|leaf| leaf.extensions.get(AMONG));
        if told.is_some_and(|told| *told == digest(set, known)) {
            return Ok(());
        }
        let why =
            "the set is missing, or the key is shared among others than its last ledger leaf says: an older copy";
        Err(self.directory.quarantine(&format!("shareSets/{set}"), why))
    }
}

/// Among whom a manifest shares its secret.
pub(crate) fn sharing(manifest: &Manifest) -> Sharing {
    let members = manifest.seats().iter().map(|seat| seat.custodian.to_string()).collect();
    Sharing { threshold: manifest.threshold(), members }
}

/// What the ledger tells of threshold and people. The set's id is random and not on the ledger: nobody can guess names there.
pub(super) fn digest(set: SetId, sharing: &Sharing) -> [u8; 32] {
    Sha256::digest(codec::encode("hufu-shared-among", 1, &(set, sharing))).into()
}
