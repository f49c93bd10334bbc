//! A share set as the service keeps it: read, and held against its newest leaf.

use hufu_core::changeset::{Collection, Row};
use hufu_core::name::{SetId, ShareSetName};
use hufu_core::record::{SealedShares, ShareSetRecord, VersionRecord};
use hufu_core::{Error, Reason};
use hufu_log::{leaf_row_id, leaf_scope};
use hufu_shares::{Epoch, Epochs, Manifest, Share};
use sha2::{Digest as _, Sha256};

use super::refused;
use crate::engine::Engine;
use crate::fault;

/// A share set, and the row that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct StoredSet {
    pub(crate) record: ShareSetRecord,
    pub(crate) revision: u64,
    pub(crate) epochs: Epochs,
}

impl StoredSet {
    /// The manifest whose shares count.
    pub(crate) fn in_force(&self) -> &Manifest {
        self.epochs.current().manifest()
    }
}

impl Engine {
    /// A share set, by its id.
    ///
    /// # Errors
    /// [`Reason::ShareSetNotFound`]; [`Reason::Quarantined`] for a row that is not as the service wrote it, or an older copy.
    pub(crate) async fn share_set(&self, set: SetId) -> Result<StoredSet, Error> {
        let row = self.store.get(Collection::ShareSet, &set.to_string()).await.map_err(fault::store)?;
        let row = row.ok_or_else(|| not_found(&set.to_string()))?;
        self.share_set_of(&row).await
    }

    /// The share set that goes with a version when that is destroyed; nothing when there is none any more.
    pub(crate) async fn set_to_destroy(&self, version: &VersionRecord) -> Result<Option<StoredSet>, Error> {
        let Some(set) = version.share_set else { return Ok(None) };
        match self.share_set(SetId(set)).await {
            Ok(stored) => Ok(Some(stored)),
            Err(error) if error.reason() == Reason::ShareSetNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A share set of a tenant, by its name; the root's, which is everyone's, by its id in any tenant.
    ///
    /// # Errors
    /// As [`Self::share_set`]; another tenant's is not found.
    pub(crate) async fn named_set(&self, name: &ShareSetName) -> Result<StoredSet, Error> {
        match self.share_set(name.set).await {
            Ok(stored) if stored.record.tenant == name.tenant || stored.record.tenant.is_system() => Ok(stored),
            Err(error) if error.reason() != Reason::ShareSetNotFound => Err(error),
            _ => Err(not_found(&name.to_string())),
        }
    }

    /// Reads a row: its tag, its newest leaf, and the dealer's signatures.
    pub(crate) async fn share_set_of(&self, row: &Row) -> Result<StoredSet, Error> {
        let locked = |why: &str| self.directory.quarantine(&format!("shareSets/{}", row.id), why);
        let record: ShareSetRecord =
            self.keyring.integrity().open(row).map_err(|_| locked("the row is not as the service wrote it"))?;
        self.check_set_leaf(&record, row.revision).await?;
        let epochs = Epochs::from_bytes(&record.epochs, &self.dealer()?);
        let epochs = epochs.map_err(|_| locked("the epochs are not as they were signed"))?;
        let of = epochs.current().manifest();
        if of.set().0 != record.set.0 || of.subject().name != record.subject {
            return Err(locked("the manifest is of something else"));
        }
        Ok(StoredSet { record, revision: row.revision, epochs })
    }

    /// The share of an index in an epoch, sealed to its custodian.
    ///
    /// # Errors
    /// [`Reason::ShareSetNotFound`] when it is not kept: of no seat, or of an epoch that is dead.
    pub(crate) async fn sealed_share(&self, set: &StoredSet, epoch: &Epoch, index: u8) -> Result<Share, Error> {
        let (signed, id) = (epoch.signed(), set.record.set);
        let row = SealedShares::row_id(id, &signed.digest().0);
        let row = self.store.get(Collection::ShareSet, &row).await.map_err(fault::store)?;
        let row = row.ok_or_else(|| not_found(&set.record.name().to_string()))?;
        let kept: SealedShares = self.keyring.integrity().open(&row).map_err(|_| {
            self.directory.quarantine(&format!("shareSets/{id}"), "the shares are not as the service wrote them")
        })?;
        let sealed = usize::from(index).checked_sub(1).and_then(|at| kept.shares.get(at)).cloned();
        let sealed = sealed.ok_or_else(|| not_found(&set.record.name().to_string()))?;
        Share::new(signed.clone(), index, sealed.into()).map_err(|error| refused(&error))
    }

    /// Whether the newest leaf tells of this very row. Confirmations alone are no events: a copy from before one lacks it, and nothing else.
    async fn check_set_leaf(&self, record: &ShareSetRecord, revision: u64) -> Result<(), Error> {
        let id = self.set_ledger_id(record.set);
        let leaf = self.store.last(Collection::Leaf, &leaf_scope(&id)).await.map_err(fault::store)?;
        let own = leaf_row_id(&id, record.sequence);
        if leaf.is_some_and(|leaf| leaf.id == own && hufu_tlog::leaf_hash(&leaf.body).0 == record.last_leaf) {
            return Ok(());
        }
        // Another epoch may have begun between the two reads.
        let now = self.store.get(Collection::ShareSet, &record.set.to_string()).await.map_err(fault::store)?;
        if now.is_none_or(|row| row.revision > revision) {
            return Err(Error::new(Reason::Overloaded, "the share set has just changed").help("try again"));
        }
        let why = "the row is not as its last ledger leaf says: an older copy";
        Err(self.directory.quarantine(&record.name().to_string(), why))
    }

    /// What stands for a set on the ledger, where keys have their id.
    pub(crate) fn set_ledger_id(&self, set: SetId) -> [u8; 32] {
        let origin = self.deployment.log_origin.as_bytes();
        Sha256::new().chain_update(b"hufu-share-set-v1\0").chain_update(set.0).chain_update(origin).finalize().into()
    }
}

pub(super) fn not_found(name: &str) -> Error {
    Error::new(Reason::ShareSetNotFound, format!("there is no share set `{name}`")).field("name")
}
