//! The end of a share.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, FeedItem, Guard, Row, Subject, Write};
use hufu_core::name::VersionName;
use hufu_core::policy::Action;
use hufu_core::record::{HolderShare, Record as _};
use hufu_core::{Error, Reason};
use hufu_frost::{GroupDigest, KeyVersion};

use super::kept::Kept;
use super::refusal::refused;
use super::resource;
use crate::api::Caller;
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;

impl Engine {
    /// Destroys a share, if the holder's own policy lets the caller do so. Its row stays for ever, so that the mandate that made it makes no other.
    ///
    /// # Errors
    /// [`Reason::HolderRefused`] with the rule; [`Reason::VersionNotFound`]; those of the database.
    pub async fn destroy_share(&self, caller: &Caller, key: &VersionName, group: &[u8; 32]) -> Result<(), Error> {
        let result = self.destroy_share_checked(caller, key, group).await;
        self.conclude(caller, Action::DestroyShare, || format!("shares/{key}"), result).await
    }

    async fn destroy_share_checked(
        &self,
        caller: &Caller,
        name: &VersionName,
        group: &[u8; 32],
    ) -> Result<(), Error> {
        let permit = self.authorize_holding(caller, Action::DestroyShare)?;
        if !self.hold()?.setup.policy.coordinator_may_destroy {
            return Err(refused("may-not-destroy", "this holder lets nobody have shares destroyed"));
        }
        let _alone = self.hold()?.keeping.lock().await;
        let key = KeyVersion { name: name.key.to_string(), version: name.number.value() };
        let kept = self.hold()?.state.lock().kept.find(&key, GroupDigest(*group))?.clone();
        let entry = self.entry(caller, Action::DestroyShare, resource(&key), &permit);
        self.destroy_kept(&kept, entry).await
    }

    /// Takes a share away and commits that it is destroyed. The caller holds `keeping`.
    pub(super) async fn destroy_kept(&self, kept: &Kept, entry: AuditEntry) -> Result<(), Error> {
        let changed = || Error::new(Reason::Quarantined, "the row of the share is not as it was written");
        let row = self.store.get(Collection::HolderShare, &kept.row).await.map_err(fault::store)?;
        let row = row.ok_or_else(changed)?;
        let opened = self.keyring.integrity().open::<HolderShare>(&row);
        let record = opened.map_err(|error| changed().because(error))?;
        if record.sealed.is_none() {
            return Ok(());
        }
        // First, so that no share is made from here on; one that is just being made is withheld when this commits.
        let share = self.hold()?.state.lock().holder.remove(&kept.share);
        let destroyed = self.commit_destroyed(entry, &row, record, &kept.share.key).await;
        if let (Err(_), Some(share)) = (&destroyed, share) {
            self.hold()?.state.lock().holder.put_back(kept.share.key.clone(), share);
        }
        destroyed
    }

    async fn commit_destroyed(
        &self,
        entry: AuditEntry,
        row: &Row,
        mut record: HolderShare,
        key: &KeyVersion,
    ) -> Result<(), Error> {
        let slot = self.reserve()?;
        (record.sealed, record.destroyed_at) = (None, Some(self.clock.now_ms()));
        let mut staging = Staging::new(self, entry);
        staging.guard(Guard::Revision(Collection::HolderShare, record.id(), row.revision));
        staging.write(Write::Put(self.keyring.integrity().row(&record, row.revision + 1)));
        let mut changeset = staging.finish();
        changeset.feed.push(FeedItem { subject: Subject::new(&resource(key)), leaf: None });
        slot.commit(changeset).await.map(drop).map_err(fault::journal)
    }
}
