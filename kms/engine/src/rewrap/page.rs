//! Some keys of a tenant: their material is opened and wrapped anew inside the backend, and committed in groups.

use std::time::{Duration, Instant};

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{BackendError, KeyHandle, Operation, Outcome, Rewrap};
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Write};
use hufu_core::name::{VersionName, VersionNumber};
use hufu_core::policy::Action;
use hufu_core::record::{ImportJob, KeyRecord, Locator, Protection, Record, Target, VersionRecord};
use hufu_core::{Error, Reason};
use hufu_journal::JournalError;

use super::pass::Pass;
use crate::directory::material_subject;
use crate::engine::Engine;
use crate::fault;

/// Rows committed at once: few, so that callers' commits do not wait for them.
const GROUP_MAX: usize = 64;
/// Longest wait for the backend, a piece of material.
const REWRAP_TIMEOUT: Duration = Duration::from_secs(10);
/// The alarm for material that cannot be wrapped anew.
const NOT_REWRAPPED: &str = "not-rewrapped";

/// What came of some rows.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) rewrapped: u64,
    /// What cannot be read or opened: it stays as it is, and keeps the old keys.
    pub(super) left: u64,
    /// What others changed meanwhile.
    pub(super) conflicting: u64,
}

/// A row on its way under the new key.
struct Moved {
    resource: String,
    guard: Guard,
    write: Write,
    /// The key whose readers must hear of it.
    key: Option<String>,
}

/// What was found in a row.
enum Found {
    /// Nothing that is under an old key.
    Fine,
    /// Something that may be, and must stay.
    Left,
    Moved(Box<Moved>),
}

impl Engine {
    pub(super) async fn look_at_keys(&self, pass: &Pass, rows: &[Row]) -> Result<Looked, Error> {
        let (mut looked, mut group) = (Looked::default(), Vec::new());
        for row in rows {
            let Ok(key) = self.keyring.integrity().open::<KeyRecord>(row) else {
                drop(self.directory.quarantine(&row.id, "the key row"));
                looked.left += 1;
                continue;
            };
            // Of keys in shares, versions that were recovered may be wrapped.
            if key.protection == Protection::Hsm {
                continue;
            }
            if self.has_more_versions(&key).await? {
                let resource = key.name().to_string();
                drop(self.directory.quarantine(&resource, "the key row is older than its versions"));
                looked.left += 1;
                continue;
            }
            for number in (1..=key.latest.value()).filter_map(|number| VersionNumber::new(number).ok()) {
                let found = self.look_at_version(pass, &key.name().version(number)).await?;
                self.gather(pass, found, &mut group, &mut looked).await?;
            }
        }
        self.commit_group(pass, group, &mut looked).await?;
        Ok(looked)
    }

    /// Whether the key has a version that its row does not know: then the row was put back, or has just gone on.
    async fn has_more_versions(&self, key: &KeyRecord) -> Result<bool, Error> {
        let Ok(next) = VersionNumber::new(key.latest.value().saturating_add(1)) else { return Ok(false) };
        let row_id = key.name().version(next).row_id();
        if self.store.get(Collection::Version, &row_id).await.map_err(fault::store)?.is_none() {
            return Ok(false);
        }
        let row = self.store.get(Collection::Key, &key.id()).await.map_err(fault::store)?;
        let now = row.and_then(|row| self.keyring.integrity().open::<KeyRecord>(&row).ok());
        Ok(now.is_none_or(|now| now.latest <= key.latest))
    }

    pub(super) async fn look_at_jobs(&self, pass: &Pass, rows: &[Row]) -> Result<Looked, Error> {
        let (mut looked, mut group) = (Looked::default(), Vec::new());
        for row in rows {
            let found = self.look_at_job(pass, row).await?;
            self.gather(pass, found, &mut group, &mut looked).await?;
        }
        self.commit_group(pass, group, &mut looked).await?;
        Ok(looked)
    }

    pub(super) async fn look_at_targets(&self, pass: &Pass, rows: &[Row]) -> Result<Looked, Error> {
        let (mut looked, mut group) = (Looked::default(), Vec::new());
        for row in rows {
            let found = self.look_at_target(pass, row).await?;
            self.gather(pass, found, &mut group, &mut looked).await?;
        }
        self.commit_group(pass, group, &mut looked).await?;
        Ok(looked)
    }

    async fn gather(
        &self,
        pass: &Pass,
        found: Found,
        group: &mut Vec<Moved>,
        looked: &mut Looked,
    ) -> Result<(), Error> {
        match found {
            Found::Fine => {}
            Found::Left => looked.left += 1,
            Found::Moved(moved) => group.push(*moved),
        }
        if group.len() < GROUP_MAX { Ok(()) } else { self.commit_group(pass, std::mem::take(group), looked).await }
    }

    async fn look_at_version(&self, pass: &Pass, name: &VersionName) -> Result<Found, Error> {
        let version = match self.directory.read_version(name).await {
            Ok(version) => version,
            Err(error) if matches!(error.reason(), Reason::StorageUnavailable | Reason::Overloaded) => {
                return Err(error);
            }
            Err(error) => return self.look_at_unreadable(pass, name, &error).await,
        };
        let record = &version.record;
        if !is_under_old(pass, &record.locator) {
            return Ok(Found::Fine);
        }
        let (handle, binding) = (self.directory.handle(record), self.directory.binding(record, pass.to()));
        let Some(locator) = self.rewrapped(pass, &name.to_string(), &handle, &binding).await? else {
            return Ok(Found::Left);
        };
        let new = VersionRecord { locator, ..VersionRecord::clone(record) };
        Ok(Found::Moved(Box::new(Moved {
            resource: name.to_string(),
            guard: Guard::Revision(Collection::Version, new.id(), version.revision),
            write: Write::Put(self.keyring.integrity().row(&new, version.revision + 1)),
            key: Some(new.scope()),
        })))
    }

    /// A version that is locked, or whose row is gone. One that is genuine and certainly under none of the old keys does not keep
    /// them alive, as a row put back from before an earlier rotation.
    async fn look_at_unreadable(&self, pass: &Pass, name: &VersionName, error: &Error) -> Result<Found, Error> {
        let row = self.store.get(Collection::Version, &name.row_id()).await.map_err(fault::store)?;
        let genuine = row.as_ref().and_then(|row| self.directory.open_version(row).ok());
        if genuine.is_some_and(|record| record.name() == *name && !is_under_old(pass, &record.locator)) {
            return Ok(Found::Fine);
        }
        self.alarms.raise(NOT_REWRAPPED, &name.to_string(), &format!("it cannot be read: {error}"));
        Ok(Found::Left)
    }

    async fn look_at_job(&self, pass: &Pass, row: &Row) -> Result<Found, Error> {
        let Ok(job) = self.keyring.integrity().open::<ImportJob>(row) else {
            drop(self.directory.quarantine(&row.id, "the import job"));
            return Ok(Found::Left);
        };
        if !is_under_old(pass, &job.locator) {
            return Ok(Found::Fine);
        }
        let binding = job.binding(&self.deployment.id, pass.to());
        let Some(locator) = self.rewrapped(pass, &row.id, &self.import_handle(&job), &binding).await? else {
            return Ok(Found::Left);
        };
        let new = ImportJob { locator, ..job };
        Ok(Found::Moved(Box::new(Moved {
            resource: row.id.clone(),
            guard: Guard::Revision(Collection::ImportJob, new.id(), row.revision),
            write: Write::Put(self.keyring.integrity().row(&new, row.revision + 1)),
            key: None,
        })))
    }

    async fn look_at_target(&self, pass: &Pass, row: &Row) -> Result<Found, Error> {
        let resource = format!("target {}", row.id);
        let Ok(target) = self.keyring.integrity().open::<Target>(row) else {
            drop(self.directory.quarantine(&resource, "the target row"));
            return Ok(Found::Left);
        };
        if !is_under_old(pass, &target.locator) {
            return Ok(Found::Fine);
        }
        let binding = target.binding(&self.deployment.id, pass.to());
        let Some(locator) = self.rewrapped(pass, &resource, &self.target_handle(&target), &binding).await? else {
            return Ok(Found::Left);
        };
        let new = Target { locator, ..target };
        Ok(Found::Moved(Box::new(Moved {
            resource,
            guard: Guard::Revision(Collection::Target, new.id(), row.revision),
            write: Write::Put(self.keyring.integrity().row(&new, row.revision + 1)),
            key: None,
        })))
    }

    /// The material under the new key; nothing when it does not open.
    async fn rewrapped(
        &self,
        pass: &Pass,
        resource: &str,
        handle: &KeyHandle,
        binding: &[u8],
    ) -> Result<Option<Locator>, Error> {
        let operation = Operation::Rewrap(handle, Rewrap { wrapping_key: pass.to(), binding });
        let backend = self.backend(Protection::Software)?;
        match backend.perform(operation, Instant::now() + REWRAP_TIMEOUT).await {
            Ok(Outcome::Rewrapped(locator)) => Ok(Some(locator)),
            Ok(_) => Err(Error::internal("the backend answered out of turn")),
            Err(
                error @ (BackendError::Unavailable(_) | BackendError::Overloaded | BackendError::DeadlineExceeded),
            ) => Err(fault::backend(error)),
            Err(error) => {
                self.alarms.raise(NOT_REWRAPPED, resource, &format!("it keeps its old wrapping key: {error}"));
                Ok(None)
            }
        }
    }

    async fn commit_group(&self, pass: &Pass, group: Vec<Moved>, looked: &mut Looked) -> Result<(), Error> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        let (tenant, count) = (&pass.known.tenant.id, group.len() as u64);
        let detail = format!("{count} under wrapping key {}: {} to {}", pass.to(), first.resource, last.resource);
        let now = self.clock.now_ms();
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Rewrap, format!("tenants/{tenant}"));
        let mut changeset = Changeset::audit_only(AuditEntry { detail: Some(detail), ..entry });
        // Under a key that is no longer the newest they would be lost with it.
        changeset.guards.push(Guard::Revision(Collection::Tenant, tenant.to_string(), pass.known.revision));
        for moved in group {
            changeset.guards.push(moved.guard);
            changeset.writes.push(moved.write);
            changeset.feed.extend(moved.key.map(|key| FeedItem { subject: material_subject(&key), leaf: None }));
        }
        match self.reserve()?.commit(changeset).await {
            Ok(_) => looked.rewrapped += count,
            Err(JournalError::Guarded(_)) => looked.conflicting += count,
            Err(error) => return Err(fault::journal(error)),
        }
        Ok(())
    }
}

fn is_under_old(pass: &Pass, locator: &Locator) -> bool {
    matches!(locator, Locator::Wrapped { wrapping_key, .. } if pass.is_old(*wrapping_key))
}
