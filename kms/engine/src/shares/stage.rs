//! Changes of share sets, staged beside what else a use case commits.

use hufu_core::Error;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::name::{SYSTEM_TENANT, SetId, TenantId};
use hufu_core::record::{Record as _, SealedShares, ShareSetRecord};
use hufu_log::leaf_scope;
use hufu_shares::{Epochs, ManifestDigest, Share, SignedManifest};

use super::among::{AMONG, digest, sharing};
use super::{StoredSet, refused};
use crate::engine::Engine;
use crate::keys::Staging;
use crate::leaf::{PlainEvent, plain_leaf};
use crate::split_root::Squatter;

/// The digest of the manifest that counts.
const MANIFEST: &str = "share-manifest";

impl Engine {
    /// A new set, with the shares of its first epoch, which counts at once.
    ///
    /// # Errors
    /// [`hufu_core::Reason::ShareRefused`] when it is not a first epoch that the log's key signed, or has the id of the root's set.
    pub(crate) fn stage_new_set(
        &self,
        staging: &mut Staging<'_>,
        tenant: &TenantId,
        first: &SignedManifest,
        shares: &[Share],
    ) -> Result<(), Error> {
        self.check_not_root_set(SetId(first.unverified().set().0))?;
        let epochs = Epochs::new(first.clone(), &self.dealer()?).map_err(|error| refused(&error))?;
        let set = self.stage_record(staging, tenant.clone(), &epochs, None)?;
        self.stage_shares(staging, set, first, shares);
        Ok(())
    }

    /// The set of a root, whose first shares were written to files: it comes here with the epoch that follows them.
    ///
    /// # Errors
    /// Those of the ledger's encoding.
    pub(crate) fn stage_root_set(
        &self,
        staging: &mut Staging<'_>,
        epochs: &Epochs,
        new_shares: &[Share],
        squatter: Option<Squatter>,
    ) -> Result<(), Error> {
        let set = self.stage_record(staging, TenantId::parse(SYSTEM_TENANT)?, epochs, squatter)?;
        if let Some(next) = epochs.next() {
            self.stage_shares(staging, set, next.signed(), new_shares);
        }
        Ok(())
    }

    fn stage_record(
        &self,
        staging: &mut Staging<'_>,
        tenant: TenantId,
        epochs: &Epochs,
        over: Option<Squatter>,
    ) -> Result<SetId, Error> {
        let manifest = epochs.current().manifest();
        let before = over.and_then(|over| over.leaf);
        let mut record = ShareSetRecord {
            set: SetId(manifest.set().0),
            tenant,
            subject: manifest.subject().name.clone(),
            epochs: epochs.to_bytes(),
            sequence: before.map_or(0, |(sequence, _)| sequence + 1),
            last_leaf: before.map_or([0; 32], |(_, leaf)| leaf),
            created_at: self.clock.now_ms(),
        };
        self.stage_leaf(staging, &mut record, epochs, before.is_none())?;
        match over {
            Some(over) => self.stage_set(staging, &record, over.revision),
            None => {
                staging.guard(Guard::Absent(Collection::ShareSet, record.id()));
                staging.write(Write::Put(self.keyring.integrity().row(&record, 1)));
            }
        }
        Ok(record.set)
    }

    /// A set whose epochs have changed since it was read: another one has begun, come into force, or been given up. The shares of
    /// epochs that are not alive any more go.
    ///
    /// # Errors
    /// Those of the ledger's encoding.
    pub(crate) fn stage_epochs(
        &self,
        staging: &mut Staging<'_>,
        before: &StoredSet,
        epochs: &Epochs,
        new_shares: &[Share],
    ) -> Result<(), Error> {
        let mut record = ShareSetRecord { epochs: epochs.to_bytes(), ..before.record.clone() };
        record.sequence += 1;
        self.stage_leaf(staging, &mut record, epochs, false)?;
        self.stage_set(staging, &record, before.revision);
        let alive = digests(epochs);
        for dead in digests(&before.epochs).into_iter().filter(|digest| !alive.contains(digest)) {
            staging.write(Write::Delete(Collection::ShareSet, SealedShares::row_id(record.set, &dead.0)));
        }
        if let Some(next) = epochs.next().filter(|_| !new_shares.is_empty()) {
            self.stage_shares(staging, record.set, next.signed(), new_shares);
        }
        Ok(())
    }

    /// A set that someone has confirmed: no event.
    pub(crate) fn stage_confirmed(&self, staging: &mut Staging<'_>, before: &StoredSet, epochs: &Epochs) {
        let record = ShareSetRecord { epochs: epochs.to_bytes(), ..before.record.clone() };
        self.stage_set(staging, &record, before.revision);
    }

    /// A set that is no more: its shares are dead, all of them.
    ///
    /// # Errors
    /// [`hufu_core::Reason::ShareRefused`] for the root's, which goes with its deployment alone; those of the ledger's encoding.
    pub(crate) fn stage_set_gone(&self, staging: &mut Staging<'_>, before: &StoredSet) -> Result<(), Error> {
        self.check_not_root_set(before.record.set)?;
        let mut record = before.record.clone();
        record.sequence += 1;
        let among = digest(record.set, &sharing(before.in_force()));
        self.stage_event(staging, &mut record, [(MANIFEST, [0; 32]), (AMONG, among)], false)?;
        let id = record.id();
        staging.guard(Guard::Revision(Collection::ShareSet, id.clone(), before.revision));
        staging.write(Write::Delete(Collection::ShareSet, id));
        for dead in digests(&before.epochs) {
            staging.write(Write::Delete(Collection::ShareSet, SealedShares::row_id(record.set, &dead.0)));
        }
        Ok(())
    }

    fn stage_set(&self, staging: &mut Staging<'_>, record: &ShareSetRecord, revision: u64) {
        staging.guard(Guard::Revision(Collection::ShareSet, record.id(), revision));
        staging.write(Write::Put(self.keyring.integrity().row(record, revision + 1)));
    }

    fn stage_shares(&self, staging: &mut Staging<'_>, set: SetId, of: &SignedManifest, shares: &[Share]) {
        let shares = shares.iter().map(|share| share.sealed().to_vec().into()).collect();
        let kept = SealedShares { set, manifest: of.digest().0, shares };
        staging.guard(Guard::Absent(Collection::ShareSet, kept.id()));
        staging.write(Write::Put(self.keyring.integrity().row(&kept, 1)));
    }

    fn stage_leaf(
        &self,
        staging: &mut Staging<'_>,
        record: &mut ShareSetRecord,
        epochs: &Epochs,
        first: bool,
    ) -> Result<(), Error> {
        let next = epochs.next().map_or([0; 32], |next| next.signed().digest().0);
        let current = epochs.current().signed().digest().0;
        self.stage_event(staging, record, [(MANIFEST, current), ("share-next", next)], first)
    }

    /// The leaf of a change: the manifest that counts, and the one that is being confirmed; zeros for none. Of a set that is no more,
    /// among whom it was shared last.
    fn stage_event(
        &self,
        staging: &mut Staging<'_>,
        record: &mut ShareSetRecord,
        names: [(&'static str, [u8; 32]); 2],
        first: bool,
    ) -> Result<(), Error> {
        let id = self.set_ledger_id(record.set);
        let leaf = plain_leaf(&PlainEvent {
            origin: &self.deployment.log_origin,
            id,
            sequence: record.sequence,
            previous: (!first).then_some(record.last_leaf),
            at: self.clock.now_ms(),
            names,
            evidence: staging.evidence(),
        })?;
        record.last_leaf = leaf.hash;
        staging.leaf(&leaf_scope(&id), leaf.row);
        Ok(())
    }
}

/// The manifests of the epochs that are alive.
fn digests(epochs: &Epochs) -> Vec<ManifestDigest> {
    [Some(epochs.current()), epochs.next()].into_iter().flatten().map(|epoch| epoch.signed().digest()).collect()
}
