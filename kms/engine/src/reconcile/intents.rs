//! Abandoned intents: what they may have left on a token is removed, then they are.

use std::time::{Duration, Instant};

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Operation, Outcome};
use hufu_core::changeset::{Changeset, Collection, Guard, Row, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Intent, Protection, VersionUid};
use hufu_core::{Error, Reason};
use hufu_journal::JournalError;

use super::ROWS_MAX;
use crate::alarms::QUARANTINE;
use crate::engine::Engine;
use crate::fault;

/// Longest wait for a token while it is cleaned.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

impl Engine {
    /// Settles intents that nobody will finish: expired ones, and at the start of the only server all of them.
    pub(super) async fn settle_intents(&self) -> Result<(), Error> {
        let at_start = !self.store.is_shared() && !self.reconciler.state.lock().settled_at_start;
        let until = if at_start { i64::MAX.unsigned_abs() } else { self.clock.now_ms() };
        let rows = self.store.due(Collection::Intent, until, ROWS_MAX).await.map_err(fault::store)?;
        let all = rows.len() < ROWS_MAX as usize;
        self.reconciler.state.lock().intents_open = rows.len() as u64;
        for row in rows {
            self.settle_intent(&row).await?;
        }
        let mut state = self.reconciler.state.lock();
        state.settled_at_start |= at_start && all;
        state.intents_open = 0;
        Ok(())
    }

    async fn settle_intent(&self, row: &Row) -> Result<(), Error> {
        let Ok(intent) = self.keyring.integrity().open::<Intent>(row) else {
            self.alarms.raise(QUARANTINE, &format!("intent {}", row.id), "the intent row was forged");
            return Ok(());
        };
        // An intent and the owner of its material never stand side by side: this one was put back.
        let owned = self.store.get(Collection::Material, &intent.uid.to_string()).await.map_err(fault::store)?;
        if owned.is_some() || self.is_version(&intent).await? {
            // Or another server finished it since the list was read: then it is no longer there.
            let now = self.store.get(Collection::Intent, &row.id).await.map_err(fault::store)?;
            if now.is_none_or(|now| now.revision != row.revision) {
                return Ok(());
            }
            let resource = intent.version().to_string();
            self.alarms.raise(QUARANTINE, &resource, "an intent was put back for material that is in use");
            return Ok(());
        }
        // Claim it first: a creator that is still at work fails its guard, and cleans up by itself.
        let claimed = self.keyring.integrity().row(&intent, row.revision + 1);
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::Intent, row.id.clone(), row.revision)],
            writes: vec![Write::Put(claimed)],
            ..Changeset::audit_only(self.reconciled(&intent, "claimed"))
        }
        .urgent();
        match self.reserve()?.commit(changeset).await {
            Ok(_) => self.withdraw(intent.protection, intent.uid, row.revision + 1).await,
            Err(JournalError::Guarded(_)) => Ok(()),
            Err(error) => Err(fault::journal(error)),
        }
    }

    /// Whether the announced material has become a version.
    async fn is_version(&self, intent: &Intent) -> Result<bool, Error> {
        let row = self.store.get(Collection::Version, &intent.version().row_id()).await.map_err(fault::store)?;
        let record = row.map(|row| self.directory.open_version(&row)).transpose();
        Ok(record.map_or(true, |record| record.is_some_and(|record| record.uid == intent.uid)))
    }

    /// Removes announced material from its token, confirms that it is gone, and removes the intent.
    pub(crate) async fn withdraw(&self, protection: Protection, uid: VersionUid, revision: u64) -> Result<(), Error> {
        self.erase(protection, uid).await?;
        let id = Intent::row_id(uid);
        let now = self.clock.now_ms();
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Reconcile, format!("material {uid}"));
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::Intent, id.clone(), revision)],
            writes: vec![Write::Delete(Collection::Intent, id)],
            ..Changeset::audit_only(AuditEntry { detail: Some("withdrawn".to_owned()), ..entry })
        }
        .urgent();
        match self.reserve()?.commit(changeset).await {
            Ok(_) | Err(JournalError::Guarded(_)) => Ok(()),
            Err(error) => Err(fault::journal(error)),
        }
    }

    /// Deletes material from a token and confirms its absence.
    pub(crate) async fn erase(&self, protection: Protection, uid: VersionUid) -> Result<(), Error> {
        let deadline = || Instant::now() + TOKEN_TIMEOUT;
        self.perform(protection, Operation::Destroy(uid), deadline()).await?;
        match self.perform(protection, Operation::Find(uid), deadline()).await? {
            Outcome::Found(false) => Ok(()),
            _ => Err(Error::new(Reason::BackendUnavailable, "the token still holds what it was told to delete")),
        }
    }

    fn reconciled(&self, intent: &Intent, what: &str) -> AuditEntry {
        let now = self.clock.now_ms();
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Reconcile, intent.version().to_string());
        AuditEntry { detail: Some(format!("{what}, uid {}", intent.uid)), ..entry }
    }
}
