//! The start of a holder: what it has kept is read, and what does not fit together is locked.

use hufu_core::backend::BackendError;
use hufu_core::changeset::{Collection, Row};
use hufu_core::name::TenantId;
use hufu_core::record::{HolderSession, HolderShare};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_frost::{Group, Holder, Identifier, KeyShare, KeyVersion, Limits, SessionId, UsedSession};
use hufu_secret::SecretBytes;
use parking_lot::Mutex;

use super::clock::Clock;
use super::generations::Generations;
use super::kept::{AllKept, Kept};
use super::setup::{HolderSetup, Pinned};
use super::{Holding, State, wrapping};
use crate::alarms::QUARANTINE;
use crate::engine::Engine;
use crate::fault;

/// Rows read at once.
const PAGE: u32 = 1_000;

impl Engine {
    /// The same engine as a holder of shares, whose callers belong to that tenant.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] when the setup does not go together; [`Reason::Quarantined`] when what was kept is not as it
    /// was written; those of token and database.
    pub async fn as_holder(mut self, setup: HolderSetup, tenant: &TenantId) -> Result<Self, Error> {
        setup.check()?;
        let wrapping_key = self.share_wrapping_key(tenant).await?;
        let clock = Clock::read(self.store.as_ref(), self.keyring.integrity()).await?;
        let used = self.used_sessions().await?;
        let holder = Holder::new(setup.judgement(), Limits::default(), Pinned, used, clock.kept_ms());
        let mut state = State { holder, clock, kept: AllKept::default() };
        for row in self.rows(Collection::HolderShare).await? {
            self.take_up(&mut state, &row).await?;
        }
        tracing::info!(holder = %setup.name, shares = state.holder.shares().count(), "shares are open");
        let generations = Mutex::new(Generations::default());
        self.holding = Some(Holding {
            setup,
            state: Mutex::new(state),
            generations,
            keeping: tokio::sync::Mutex::default(),
            tenant: tenant.clone(),
            wrapping_key: Mutex::new(wrapping_key),
        });
        Ok(self)
    }

    async fn used_sessions(&self) -> Result<Vec<UsedSession>, Error> {
        let read = |row: &Row| {
            let opened = self.keyring.integrity().open::<HolderSession>(row);
            let HolderSession { session, requester, until } = opened.map_err(|error| foreign("a session", error))?;
            Ok(UsedSession { session: SessionId(session), requester, until_ms: until })
        };
        self.rows(Collection::HolderSession).await?.iter().map(read).collect()
    }

    pub(super) async fn rows(&self, collection: Collection) -> Result<Vec<Row>, Error> {
        let mut all: Vec<Row> = Vec::new();
        loop {
            let page = Page { after: all.last().map(|row| row.id.as_str()), limit: PAGE };
            let rows = self.store.list(collection, "", page).await.map_err(fault::store)?;
            let is_last = rows.len() < PAGE as usize;
            all.extend(rows);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Opens a share. One that is not as it was written is locked: its key version is taken, and nothing signs with it.
    async fn take_up(&self, state: &mut State, row: &Row) -> Result<(), Error> {
        let Ok(record) = self.keyring.integrity().open::<HolderShare>(row) else {
            self.lock(&row.id, "the row of a share is not as it was written");
            state.kept.lock(key_of(&row.id));
            return Ok(());
        };
        let Ok(group) = Group::from_bytes(&record.group) else {
            self.lock(&row.id, "the row of a share is of no group");
            state.kept.lock(key_of(&row.id));
            return Ok(());
        };
        let kept = Kept::of(&record, &group);
        let key = kept.share.key.clone();
        state.kept.insert(group.set(), kept);
        let Some(sealed) = &record.sealed else { return Ok(()) };
        let wrapping_key = match self.keyring.open(record.wrapping_key).await {
            Err(BackendError::Missing(_)) => {
                self.lock(&row.id, "a share is under a wrapping key that is gone: its row is from before a rotation");
                return Ok(());
            }
            opened => opened.map_err(fault::backend)?,
        };
        match self.opened(&record, group, sealed, &wrapping_key) {
            Some(share) => state.holder.install(key, share),
            None => self.lock(&row.id, "a share does not open as what it was wrapped as"),
        }
        Ok(())
    }

    fn opened(&self, record: &HolderShare, group: Group, sealed: &[u8], key: &SecretBytes) -> Option<KeyShare> {
        let binding = record.binding(&self.deployment.id, &group.digest().0);
        let secret = wrapping::unwrap(sealed, key, &binding).ok()?;
        KeyShare::new(group, Identifier::new(record.number).ok()?, secret).ok()
    }

    fn lock(&self, id: &str, why: &str) {
        self.alarms.raise(QUARANTINE, &format!("shares/{id}"), why);
    }
}

fn key_of(id: &str) -> Option<KeyVersion> {
    let version = HolderShare::key_version_of(id)?;
    Some(KeyVersion { name: version.key.to_string(), version: version.number.value() })
}

fn foreign(what: &str, error: impl std::fmt::Display) -> Error {
    Error::new(Reason::Quarantined, format!("the row of {what} is not as the holder wrote it")).because(error)
}
