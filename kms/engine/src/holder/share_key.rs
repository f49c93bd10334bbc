//! The key that shares are wrapped under, and its rotation: a new one is made, every share comes under it, and the old one goes.
//!
//! INVARIANT: the newest is the one that no other replaces, and nothing new comes under another. Each row says itself what it is
//! under, so a rotation that was cut off is ended by the next start, before anything is served.

use std::sync::Arc;

use hufu_core::backend::BackendError;
use hufu_core::changeset::{Changeset, Collection, Guard, Row, Write};
use hufu_core::name::TenantId;
use hufu_core::record::{HolderShare, Record as _, WrappingKeyId, WrappingKeyRecord, WrappingKeyUse};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_frost::Group;
use hufu_secret::SecretBytes;

use super::{SHARES, wrapping};
use crate::api::ShareKeyRotation;
use crate::engine::Engine;
use crate::fault;

/// Most wrapping keys of a tenant.
const WRAPPING_KEYS_MAX: u32 = 256;
/// Shares that come under the new key in one commit.
const MOVED_AT_ONCE: usize = 64;

impl Engine {
    /// What shares are wrapped under; it is made at the first start. A rotation that was cut off is ended here.
    pub(super) async fn share_wrapping_key(&self, tenant: &TenantId) -> Result<WrappingKeyId, Error> {
        let known = self.share_keys(tenant).await?;
        let Some(newest) = newest(&known) else {
            return self.make_share_key(tenant, &known, "the key made that shares are wrapped under").await;
        };
        if known.len() > 1 {
            self.leave_older(newest, &known).await?;
        }
        Ok(newest)
    }

    /// Makes a new key, brings every share under it, and destroys the one before. When it is cut off, the next start ends it.
    ///
    /// # Errors
    /// Those of token and database: what was moved stays moved.
    pub async fn rotate_share_key(&self) -> Result<ShareKeyRotation, Error> {
        let holding = self.hold()?;
        let _alone = holding.keeping.lock().await;
        let known = self.share_keys(&holding.tenant).await?;
        let new =
            self.make_share_key(&holding.tenant, &known, "a new key made that shares are wrapped under").await?;
        *holding.wrapping_key.lock() = new;
        self.leave_older(new, &known).await
    }

    async fn share_keys(&self, tenant: &TenantId) -> Result<Vec<WrappingKeyRecord>, Error> {
        let page = Page { after: None, limit: WRAPPING_KEYS_MAX };
        let rows = self.store.list(Collection::WrappingKey, tenant.as_str(), page).await.map_err(fault::store)?;
        let mut known = Vec::new();
        for row in &rows {
            let record: WrappingKeyRecord = self.keyring.integrity().open(row).map_err(|error| {
                Error::new(Reason::Quarantined, "the row of a wrapping key is not as the holder wrote it")
                    .because(error)
            })?;
            known.extend(Some(record).filter(|record| record.usage == WrappingKeyUse::HolderShare));
        }
        Ok(known)
    }

    async fn make_share_key(
        &self,
        tenant: &TenantId,
        before: &[WrappingKeyRecord],
        what: &str,
    ) -> Result<WrappingKeyId, Error> {
        let now = self.clock.now_ms();
        let made = self.keyring.create(WrappingKeyUse::HolderShare, tenant.as_str(), now).await?;
        let (mut record, mut guards) = made;
        record.replaces = before.iter().map(|key| key.id).collect();
        guards.push(Guard::Absent(Collection::WrappingKey, record.id()));
        let changeset = Changeset {
            guards,
            writes: vec![Write::Put(self.keyring.integrity().row(&record, 1))],
            ..Changeset::audit_only(self.lifecycle(SHARES, what))
        };
        self.commit_lifecycle(changeset).await?;
        Ok(record.id)
    }

    /// Brings every share under the newest key, and destroys the others once nothing is under them.
    async fn leave_older(
        &self,
        newest: WrappingKeyId,
        known: &[WrappingKeyRecord],
    ) -> Result<ShareKeyRotation, Error> {
        let key = self.keyring.open(newest).await.map_err(fault::backend)?;
        let mut told = ShareKeyRotation::default();
        let rows = self.rows(Collection::HolderShare).await?;
        for rows in rows.chunks(MOVED_AT_ONCE) {
            let mut changeset = Changeset::default();
            for row in rows {
                match self.place(row, newest).await? {
                    Place::There => {}
                    Place::Lost => told.left += 1,
                    Place::Under(older) => self.stage_moved(&mut changeset, row, *older, newest, &key)?,
                }
            }
            told.moved += changeset.writes.len();
            if !changeset.writes.is_empty() {
                let what = format!("{} shares wrapped anew under {newest}", changeset.writes.len());
                changeset.audit = vec![self.lifecycle(SHARES, &what)];
                self.commit_lifecycle(changeset).await?;
            }
        }
        if told.left == 0 {
            self.destroy_older(newest, known).await?;
        } else {
            tracing::warn!(left = told.left, "the old key stays: rows of shares are not as they were written");
        }
        Ok(told)
    }

    /// What a share is under. A row that nobody can read keeps the old key: it may be mended.
    async fn place(&self, row: &Row, newest: WrappingKeyId) -> Result<Place, Error> {
        let Ok(record) = self.keyring.integrity().open::<HolderShare>(row) else { return Ok(Place::Lost) };
        if record.sealed.is_none() || record.wrapping_key == newest {
            return Ok(Place::There);
        }
        let Ok(group) = Group::from_bytes(&record.group) else { return Ok(Place::Lost) };
        match self.keyring.open(record.wrapping_key).await {
            Ok(key) => Ok(Place::Under(Box::new(Older { key, record, group }))),
            Err(BackendError::Missing(_)) => Ok(Place::Lost),
            Err(error) => Err(fault::backend(error)),
        }
    }

    fn stage_moved(
        &self,
        changeset: &mut Changeset,
        row: &Row,
        older: Older,
        newest: WrappingKeyId,
        new: &SecretBytes,
    ) -> Result<(), Error> {
        let Older { key: old, mut record, group } = older;
        let digest = group.digest().0;
        let binding = |record: &HolderShare| record.binding(&self.deployment.id, &digest);
        let sealed = record.sealed.as_deref().unwrap_or_default();
        let share = wrapping::unwrap(sealed, &old, &binding(&record))?;
        record.wrapping_key = newest;
        record.sealed = Some(wrapping::wrap(&share, new, &binding(&record), self.rng.as_ref())?);
        changeset.guards.push(Guard::Revision(Collection::HolderShare, row.id.clone(), row.revision));
        changeset.writes.push(Write::Put(self.keyring.integrity().row(&record, row.revision + 1)));
        Ok(())
    }

    async fn destroy_older(&self, newest: WrappingKeyId, known: &[WrappingKeyRecord]) -> Result<(), Error> {
        let older: Vec<_> = known.iter().map(|key| key.id).filter(|id| *id != newest).collect();
        // Not erased: whoever has a backup from before, and a root key of that time, still has it.
        let entry = |id: &WrappingKeyId| {
            self.lifecycle(
                SHARES,
                &format!("wrapping key {id} destroyed: no share is under it; older backups hold it"),
            )
        };
        let changeset = Changeset {
            writes: older.iter().map(|id| Write::Delete(Collection::WrappingKey, id.to_string())).collect(),
            audit: older.iter().map(entry).collect(),
            ..Changeset::default()
        };
        if !older.is_empty() {
            self.commit_lifecycle(changeset).await?;
        }
        older.into_iter().for_each(|id| self.keyring.forget(id));
        Ok(())
    }
}

/// What a share is wrapped under.
enum Place {
    /// The newest key, or nothing, since it is destroyed.
    There,
    /// An older key, which opens it.
    Under(Box<Older>),
    /// Nobody can tell.
    Lost,
}

/// A share under an older key, and that key.
struct Older {
    key: Arc<SecretBytes>,
    record: HolderShare,
    group: Group,
}

/// The key that no other replaces.
fn newest(known: &[WrappingKeyRecord]) -> Option<WrappingKeyId> {
    let is_replaced = |id: WrappingKeyId| known.iter().any(|other| other.replaces.contains(&id));
    let current = known.iter().filter(|key| !is_replaced(key.id));
    current.max_by_key(|key| key.created_at).map(|key| key.id)
}
