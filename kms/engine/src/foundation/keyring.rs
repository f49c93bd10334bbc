//! The keys that the root keys wrap, opened when needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hufu_core::ambient::{Rng, random_array};
use hufu_core::backend::{BackendError, WrappingKeys};
use hufu_core::changeset::{Collection, Guard, Row, RowSeal};
use hufu_core::codec::CodecError;
use hufu_core::record::{FIRST_ROOT_SLOT, RootSlot, RootState, WrappingKeyId, WrappingKeyRecord, WrappingKeyUse};
use hufu_core::store::{Page, Store};
use hufu_core::{BoxFuture, Error, Reason};
use hufu_secret::SecretBytes;
use parking_lot::RwLock;
use quick_cache::sync::Cache;

use super::Integrity;
use super::generations::later;
use super::root::{KEY_LEN, Root};
use crate::fault;

/// Wrapping keys kept open at once; each tenant has two.
const OPEN_MAX: usize = 1_024;
/// Most root slots of a deployment, those of the past included.
pub(super) const SLOTS_MAX: u32 = 64;

/// Opens and makes wrapping keys with the root keys.
pub struct Keyring {
    pub(super) store: Arc<dyn Store>,
    pub(super) rng: Arc<dyn Rng>,
    roots: RwLock<Vec<Arc<Root>>>,
    integrity: Integrity,
    open: Cache<WrappingKeyId, Arc<SecretBytes>>,
    /// Slots of which this server has seen that they were retired.
    retired: RwLock<BTreeSet<String>>,
}

/// What the database says of the root slots.
#[derive(Clone, Default)]
pub(crate) struct Slots {
    /// Their rows, with the revision of each.
    pub(super) rows: BTreeMap<String, (RootSlot, u64)>,
    /// Those that were retired before the rows were read, whatever the rows say.
    retired: BTreeSet<String>,
}

impl Slots {
    /// The state of a slot; nothing for one that is not made yet. The first slot is active until a row says otherwise;
    /// one that was retired stays so, whatever its row says now.
    pub(crate) fn state(&self, slot: &str) -> Option<RootState> {
        if self.is_revived(slot) { Some(RootState::Retired) } else { self.told(slot) }
    }

    /// Whether a slot was retired and its row is missing, or from before that.
    pub(super) fn is_revived(&self, slot: &str) -> bool {
        self.retired.contains(slot) && !self.told(slot).is_some_and(is_left)
    }

    /// Every slot that was retired, or is about to be: it wraps nothing new.
    pub(super) fn left(&self) -> BTreeSet<String> {
        let told = self.rows.values().filter(|(slot, _)| is_left(slot.state)).map(|(slot, _)| slot.name.clone());
        self.retired.iter().cloned().chain(told).collect()
    }

    fn told(&self, slot: &str) -> Option<RootState> {
        let told = self.rows.get(slot).map(|(record, _)| record.state);
        told.or_else(|| (slot == FIRST_ROOT_SLOT).then_some(RootState::Active))
    }

    /// # Errors
    /// [`Reason::WrongState`] when the slot is not active: it wraps nothing.
    pub(super) fn check_active(&self, slot: &str) -> Result<(), Error> {
        match self.state(slot) {
            Some(RootState::Active) => Ok(()),
            state => {
                let state = state.map_or_else(|| "new".to_owned(), |state| state.to_string());
                Err(Error::new(Reason::WrongState, format!("the root slot `{slot}` is {state}: it wraps nothing")))
            }
        }
    }

    /// That a slot is still as it was read here.
    pub(super) fn guard(&self, slot: &str) -> Guard {
        let id = RootSlot::row_id(slot);
        match self.rows.get(slot) {
            Some((_, revision)) => Guard::Revision(Collection::Meta, id, *revision),
            None => Guard::Absent(Collection::Meta, id),
        }
    }
}

impl Keyring {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        rng: Arc<dyn Rng>,
        roots: Vec<Arc<Root>>,
        integrity_key: &SecretBytes,
    ) -> Self {
        let (integrity, open) = (Integrity::new(integrity_key), Cache::new(OPEN_MAX));
        Self { store, rng, roots: RwLock::new(roots), integrity, open, retired: RwLock::default() }
    }

    /// Tags and checks rows.
    #[must_use]
    pub fn integrity(&self) -> &Integrity {
        &self.integrity
    }

    /// Makes a new wrapping key for a tenant, under every active root slot whose token is there. It lives once its record is
    /// committed, under guards that the slots are still active.
    ///
    /// # Errors
    /// [`hufu_core::Reason::BackendUnavailable`] when no root key's token answers.
    pub async fn create(
        &self,
        usage: WrappingKeyUse,
        tenant: &str,
        now: u64,
    ) -> Result<(WrappingKeyRecord, Vec<Guard>), Error> {
        let slots = self.slots().await?;
        let (record, key) = fresh(self.rng.as_ref(), usage, tenant, now)?;
        let record = WrappingKeyRecord { stripped: slots.left().into_iter().collect(), ..record };
        let roots = self.roots();
        let active = roots.iter().filter(|root| slots.state(root.slot()) == Some(RootState::Active)).map(Arc::as_ref);
        let (record, used) = wrapped(record, &key, active, self.rng.as_ref()).await.map_err(fault::backend)?;
        Ok((record, used.iter().map(|slot| slots.guard(slot)).collect()))
    }

    /// The wrapping key of that id, from its tagged row.
    ///
    /// # Errors
    /// [`BackendError`] when the row is missing, not ours, or no root key's token answers.
    pub async fn open(&self, id: WrappingKeyId) -> Result<Arc<SecretBytes>, BackendError> {
        if let Some(key) = self.open.get(&id) {
            return Ok(key);
        }
        let row = self.store.get(Collection::WrappingKey, &id.to_string()).await;
        let row = row.map_err(|error| BackendError::Unavailable(error.to_string()))?;
        let row = row.ok_or_else(|| BackendError::Missing(format!("wrapping key {id}")))?;
        let record: WrappingKeyRecord = self
            .integrity
            .open(&row)
            .map_err(|_| BackendError::Missing(format!("wrapping key {id} is not one that this deployment wrote")))?;
        let key = match opened(&record, &self.roots()).await {
            // It may be under a root key that was made on a known token a moment ago.
            Err(BackendError::Missing(why)) if self.slots().await.is_ok() => {
                tracing::info!(key = %id, why, "the root slots were read again");
                opened(&record, &self.roots()).await?
            }
            opened => opened?,
        };
        let key = Arc::new(key);
        self.open.insert(id, key.clone());
        Ok(key)
    }

    /// Whether a token that holds a root key is a simulation.
    pub(crate) fn is_simulated(&self) -> bool {
        self.roots().iter().any(|root| root.token.backend.capabilities().simulated)
    }

    /// The root slots that this server can use.
    pub(super) fn roots(&self) -> Vec<Arc<Root>> {
        self.roots.read().clone()
    }

    /// Takes up a root slot on a token that is configured.
    pub(super) fn take_up(&self, root: Arc<Root>) {
        let mut roots = self.roots.write();
        if !roots.iter().any(|known| known.slot() == root.slot()) {
            roots.push(root);
        }
    }

    /// Closes a wrapping key that was destroyed.
    pub(crate) fn forget(&self, id: WrappingKeyId) {
        self.open.remove(&id);
    }

    /// The root slots as the database knows them now.
    pub(crate) async fn slots(&self) -> Result<Slots, Error> {
        // In this order: a slot's row says that it is left before any wrapping key does.
        let retired = self.retired().await?;
        let page = Page { after: None, limit: SLOTS_MAX };
        let rows = self.store.list(Collection::Meta, RootSlot::SCOPE, page).await.map_err(fault::store)?;
        let mut slots = Slots { retired, ..Slots::default() };
        for row in &rows {
            let slot: RootSlot =
                self.integrity.open(row).map_err(|error| foreign("the row of a root slot", error))?;
            slots.rows.insert(slot.name.clone(), (slot, row.revision));
        }
        self.retired.write().extend(slots.left());
        for (slot, _) in slots.rows.values() {
            if let Some(root) = later(slot, &self.roots()) {
                self.take_up(root);
            }
        }
        Ok(slots)
    }

    /// Remembers which slots a wrapping key knows to be retired.
    pub(super) fn learn(&self, record: &WrappingKeyRecord) {
        let is_new = |slot: &&String| !self.is_retired(slot);
        let new: Vec<String> = record.stripped.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            self.retired.write().extend(new);
        }
    }

    /// Whether this server has seen that a slot was retired.
    pub(super) fn is_retired(&self, slot: &str) -> bool {
        self.retired.read().contains(slot)
    }

    /// The slots that were retired, as the deployment's own wrapping key says and as this server has seen.
    async fn retired(&self) -> Result<BTreeSet<String>, Error> {
        let page = Page { after: None, limit: SLOTS_MAX };
        let rows = self.store.list(Collection::WrappingKey, "", page).await.map_err(fault::store)?;
        for row in &rows {
            let record = self.integrity.open(row).map_err(|error| foreign("the row of a wrapping key", error))?;
            self.learn(&record);
        }
        Ok(self.retired.read().clone())
    }
}

/// Whether a slot in that state wraps nothing new, for good.
fn is_left(state: RootState) -> bool {
    !matches!(state, RootState::Making | RootState::Active)
}

/// A row whose tag is wrong.
pub(super) fn foreign(what: &str, error: CodecError) -> Error {
    Error::new(Reason::Quarantined, format!("{what} is not as the service wrote it")).because(error)
}

impl RowSeal for Keyring {
    fn seal(&self, row: Row) -> Row {
        self.integrity.seal(row)
    }

    fn is_genuine(&self, row: &Row) -> bool {
        self.integrity.is_genuine(row)
    }
}

impl WrappingKeys for Keyring {
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(self.open(id))
    }
}

/// A new key, and its record without a wrapping.
pub(super) fn fresh(
    rng: &dyn Rng,
    usage: WrappingKeyUse,
    tenant: &str,
    now: u64,
) -> Result<(WrappingKeyRecord, SecretBytes), Error> {
    let id = WrappingKeyId(random_array(rng).map_err(Error::internal)?);
    let mut key = SecretBytes::zeroed(KEY_LEN);
    rng.fill(key.expose_mut()).map_err(Error::internal)?;
    let record = WrappingKeyRecord {
        id,
        usage,
        tenant: tenant.to_owned(),
        wrapped: Vec::new(),
        root_slot: FIRST_ROOT_SLOT.to_owned(),
        created_at: now,
        others: Vec::new(),
        stripped: Vec::new(),
        replaces: Vec::new(),
    };
    Ok((record, key))
}

/// Wraps a key under each of these slots that answers, at least one; answers which.
pub(super) async fn wrapped<'a>(
    mut record: WrappingKeyRecord,
    key: &SecretBytes,
    roots: impl Iterator<Item = &'a Root>,
    rng: &dyn Rng,
) -> Result<(WrappingKeyRecord, Vec<&'a str>), BackendError> {
    let mut used = Vec::new();
    let mut refusal = BackendError::Unavailable("there is no root slot to wrap with".to_owned());
    for root in roots {
        match root.seal(&record, key, rng).await {
            Ok(bytes) => {
                record = record.with(root.slot(), bytes);
                used.push(root.slot());
            }
            Err(error) => {
                tracing::warn!(slot = root.slot(), %error, "a root slot wraps nothing now");
                refusal = error;
            }
        }
    }
    if used.is_empty() { Err(refusal) } else { Ok((record, used)) }
}

/// Opens a key by the first slot that can: those that serve before those that do not seem to.
pub(super) async fn opened(record: &WrappingKeyRecord, roots: &[Arc<Root>]) -> Result<SecretBytes, BackendError> {
    let mut last = BackendError::Missing(format!("no configured root slot wraps key {}", record.id));
    for serving in [true, false] {
        for root in roots.iter().filter(|root| root.is_serving() == serving && record.under(root.slot()).is_some()) {
            match root.open(record).await {
                Ok(key) => return Ok(key),
                Err(error) => last = error,
            }
        }
    }
    Err(last)
}
