//! The end of a share.

use hufu_core::changeset::{Collection, FeedItem, Guard, Row, Subject, Write};
use hufu_core::name::VersionName;
use hufu_core::policy::Action;
use hufu_core::record::{HolderShare, Record as _};
use hufu_core::{Error, Reason};
use hufu_frost::{Group, KeyVersion};

use super::refusal::refused;
use super::resource;
use crate::api::Caller;
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;

impl Engine {
    /// Destroys a share, if the holder's own policy lets the caller do so. Its key version stays taken for ever.
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
        let row = self.store.get(Collection::HolderShare, &name.to_string()).await.map_err(fault::store)?;
        let missing =
            || Error::new(Reason::VersionNotFound, format!("there is no share of `{name}`")).field("key_version");
        let row = row.ok_or_else(missing)?;
        let record = self.keyring.integrity().open::<HolderShare>(&row).map_err(|error| {
            Error::new(Reason::Quarantined, "the row of the share is not as it was written").because(error)
        })?;
        if Group::from_bytes(&record.group).is_ok_and(|of| of.digest().0 != *group) {
            return Err(refused("other-group", "the share is of another group").field("group_digest"));
        }
        if record.sealed.is_none() {
            return Ok(());
        }
        let key = KeyVersion { name: record.key.clone(), version: record.version };
        // First, so that no share is made from here on; one that is just being made is withheld when this commits.
        let share = self.hold()?.state.lock().holder.remove(&key);
        let destroyed = self.commit_destroyed(caller, &permit, &row, record, &key).await;
        if let (Err(_), Some(share)) = (&destroyed, share) {
            self.hold()?.state.lock().holder.put_back(key, share);
        }
        destroyed
    }

    async fn commit_destroyed(
        &self,
        caller: &Caller,
        permit: &Permit,
        row: &Row,
        mut record: HolderShare,
        key: &KeyVersion,
    ) -> Result<(), Error> {
        let slot = self.reserve()?;
        (record.sealed, record.destroyed_at) = (None, Some(self.clock.now_ms()));
        let entry = self.entry(caller, Action::DestroyShare, resource(key), permit);
        let mut staging = Staging::new(self, entry);
        staging.guard(Guard::Revision(Collection::HolderShare, record.id(), row.revision));
        staging.write(Write::Put(self.keyring.integrity().row(&record, row.revision + 1)));
        let mut changeset = staging.finish();
        changeset.feed.push(FeedItem { subject: Subject::new(&resource(key)), leaf: None });
        slot.commit(changeset).await.map(drop).map_err(fault::journal)
    }
}
