//! The start of a holder: what it has kept is read, and what does not fit together is locked.

use std::collections::BTreeMap;

use hufu_core::changeset::{Changeset, Collection, Guard, Row, Write};
use hufu_core::name::TenantId;
use hufu_core::record::{HolderSession, HolderShare, Record as _, WrappingKeyId, WrappingKeyRecord, WrappingKeyUse};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_frost::{Group, Holder, Identifier, KeyShare, KeyVersion, Limits, SessionId, SetId, UsedSession};
use hufu_secret::SecretBytes;
use parking_lot::Mutex;

use super::clock::Clock;
use super::generations::Generations;
use super::setup::{HolderSetup, Pinned};
use super::{Holding, State, wrapping};
use crate::alarms::QUARANTINE;
use crate::engine::Engine;
use crate::fault;

/// Rows read at once.
const PAGE: u32 = 1_000;
/// Most wrapping keys of a tenant.
const WRAPPING_KEYS_MAX: u32 = 256;

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
        let mut state = State { holder, clock, taken: BTreeMap::new() };
        for row in self.rows(Collection::HolderShare).await? {
            self.take_up(&mut state, &row).await?;
        }
        tracing::info!(holder = %setup.name, shares = state.holder.keys().count(), "shares are open");
        let generations = Mutex::new(Generations::default());
        self.holding = Some(Holding {
            setup,
            state: Mutex::new(state),
            generations,
            keeping: tokio::sync::Mutex::default(),
            wrapping_key,
        });
        Ok(self)
    }

    /// What shares are wrapped under; it is made at the first start.
    async fn share_wrapping_key(&self, tenant: &TenantId) -> Result<WrappingKeyId, Error> {
        let page = Page { after: None, limit: WRAPPING_KEYS_MAX };
        let rows = self.store.list(Collection::WrappingKey, tenant.as_str(), page).await.map_err(fault::store)?;
        for row in &rows {
            let opened = self.keyring.integrity().open::<WrappingKeyRecord>(row);
            let record = opened.map_err(|error| foreign("a wrapping key", error))?;
            if record.usage == WrappingKeyUse::HolderShare {
                return Ok(record.id);
            }
        }
        let now = self.clock.now_ms();
        let (record, mut guards) = self.keyring.create(WrappingKeyUse::HolderShare, tenant.as_str(), now).await?;
        guards.push(Guard::Absent(Collection::WrappingKey, record.id()));
        let changeset = Changeset {
            guards,
            writes: vec![Write::Put(self.keyring.integrity().row(&record, 1))],
            ..Changeset::audit_only(self.lifecycle("shares", "the key made that shares are wrapped under"))
        };
        self.commit_lifecycle(changeset).await?;
        Ok(record.id)
    }

    async fn used_sessions(&self) -> Result<Vec<UsedSession>, Error> {
        let read = |row: &Row| {
            let opened = self.keyring.integrity().open::<HolderSession>(row);
            let HolderSession { session, requester, until } = opened.map_err(|error| foreign("a session", error))?;
            Ok(UsedSession { session: SessionId(session), requester, until_ms: until })
        };
        self.rows(Collection::HolderSession).await?.iter().map(read).collect()
    }

    async fn rows(&self, collection: Collection) -> Result<Vec<Row>, Error> {
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
            state.taken.extend(key_of(&row.id).map(|key| (key, SetId([0; 32]))));
            return Ok(());
        };
        let key = KeyVersion { name: record.key.clone(), version: record.version };
        let group = Group::from_bytes(&record.group).ok();
        state.taken.insert(key.clone(), group.as_ref().map_or(SetId([0; 32]), Group::set));
        let Some(sealed) = &record.sealed else { return Ok(()) };
        let wrapping_key = self.keyring.open(record.wrapping_key).await.map_err(fault::backend)?;
        match group.and_then(|group| self.opened(&record, group, sealed, &wrapping_key)) {
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
    let (name, version) = id.rsplit_once("/versions/")?;
    Some(KeyVersion { name: name.to_owned(), version: version.parse().ok()? })
}

fn foreign(what: &str, error: impl std::fmt::Display) -> Error {
    Error::new(Reason::Quarantined, format!("the row of {what} is not as the holder wrote it")).because(error)
}
