//! Keeping the root slots: root keys are made where they are missing, and every wrapping key is wrapped under every active slot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Clock, random_array};
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{BackendError, Operation, Outcome, Template};
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::policy::Action;
use hufu_core::record::{
    Exit, Material, Record, RootSlot, RootState, Tenant, VersionUid, WrappingKeyRecord, WrappingKeyUse,
};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_journal::{Journal, JournalError};

use super::keyring::{Keyring, Slots, foreign, fresh, opened, wrapped};
use super::root::Root;
use crate::fault;

/// Rows read at once.
const PAGE: u32 = 256;
/// Longest wait for a token that makes or deletes a root key.
pub(super) const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
/// After so long another server has given up making a root key, in milliseconds.
const MAKING_MS_MAX: u64 = 60_000;

/// A root slot, and how much rests on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootReport {
    /// The slot's name.
    pub slot: String,
    /// Serial number of its token.
    pub serial: String,
    /// Its state; nothing for one that is configured and not made yet.
    pub state: Option<RootState>,
    /// Why its token is not there, if it is not.
    pub missing: Option<String>,
    /// Whether its token is a simulation.
    pub simulated: bool,
    /// Whether it was retired, and its row is missing or from before that: someone has changed the database.
    pub revived: bool,
    /// Wrapping keys under it.
    pub wraps: u64,
    /// Wrapping keys in all.
    pub keys: u64,
}

/// What is committed with a slot's new state.
#[derive(Default)]
pub(super) struct Also {
    /// What it relies on besides the slot's own row.
    pub(super) guards: Vec<Guard>,
    pub(super) writes: Vec<Write>,
}

/// Keeps the root slots of a deployment.
pub struct RootKeeper<'a> {
    /// What opens and makes wrapping keys.
    pub keyring: &'a Keyring,
    /// The only writer.
    pub journal: &'a Journal,
    /// Time.
    pub clock: &'a dyn Clock,
}

impl RootKeeper<'_> {
    /// Makes the root keys of slots that are new, and wraps every wrapping key under every active slot that does not wrap it
    /// yet and whose token is there. It may end anywhere: the next pass goes on.
    ///
    /// # Errors
    /// Those of the database, and those of a key that no slot opens.
    pub async fn level(&self) -> Result<Vec<RootReport>, Error> {
        self.make_missing().await?;
        let slots = self.keyring.slots().await?;
        let active = |root: &&Root| slots.state(root.slot()) == Some(RootState::Active) && root.is_serving();
        let roots = self.keyring.roots();
        let targets: Vec<&Root> = roots.iter().map(Arc::as_ref).filter(active).collect();
        let mut failed = None;
        // The deployment's own key last: should it be an older copy, the tenants' keys have told of retired slots by then.
        for scope in self.scopes().await?.iter().rev() {
            for (record, revision) in self.records(scope).await? {
                // One key that nothing opens now must not keep the others from being safe.
                if let Err(error) = self.level_one(record, revision, &targets, &slots).await {
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => self.report().await,
        }
    }

    /// Wraps a key under those of the slots that lack it. It hears of slots that were left, as one does that an earlier release
    /// wrote, or that was made while its slot was being left.
    async fn level_one(
        &self,
        record: WrappingKeyRecord,
        revision: u64,
        targets: &[&Root],
        slots: &Slots,
    ) -> Result<(), Error> {
        let may_wrap = |root: &&Root| record.under(root.slot()).is_none() && !self.keyring.is_retired(root.slot());
        let lacking: Vec<&Root> = targets.iter().copied().filter(may_wrap).collect();
        if !lacking.is_empty() {
            return self.add(record, revision, &lacking, slots).await;
        }
        let unheard = |slot: &String| record.under(slot).is_none() && !record.is_stripped_of(slot);
        let unheard: Vec<String> = slots.left().into_iter().filter(unheard).collect();
        if unheard.is_empty() {
            return Ok(());
        }
        let guards = vec![Guard::Revision(Collection::WrappingKey, record.id(), revision)];
        let detail = format!("never again under {}", unheard.join(", "));
        let record = unheard.iter().fold(record, |record, slot| record.without(slot));
        self.write(&record, revision, guards, detail).await
    }

    /// Every slot, and how many of the wrapping keys it wraps.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn report(&self) -> Result<Vec<RootReport>, Error> {
        let mut reports = self.glance().await?;
        for scope in self.scopes().await? {
            for (record, _) in self.records(&scope).await? {
                for report in &mut reports {
                    report.keys += 1;
                    report.wraps += u64::from(record.under(&report.slot).is_some());
                }
            }
        }
        Ok(reports)
    }

    /// Every slot, without counting what it wraps.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn glance(&self) -> Result<Vec<RootReport>, Error> {
        let slots = self.keyring.slots().await?;
        let mut reports: Vec<RootReport> = self.keyring.roots().iter().map(|root| report_of(root, &slots)).collect();
        for (name, (record, _)) in &slots.rows {
            if !reports.iter().any(|report| report.slot == *name) {
                reports.push(unconfigured(record, &slots));
            }
        }
        Ok(reports)
    }

    /// Wraps a key under further slots, and proves each before it is committed. The commit holds only as long as the slots are
    /// active: [`Reason::WrongState`] for one that is not, or was retired whatever its row says.
    pub(super) async fn add(
        &self,
        record: WrappingKeyRecord,
        revision: u64,
        lacking: &[&Root],
        slots: &Slots,
    ) -> Result<(), Error> {
        for root in lacking {
            slots.check_active(root.slot())?;
            if self.keyring.is_retired(root.slot()) {
                let what = format!("the root slot `{}` was retired: it wraps nothing", root.slot());
                return Err(Error::new(Reason::WrongState, what));
            }
        }
        let key = opened(&record, &self.keyring.roots()).await.map_err(fault::backend)?;
        let rng = self.keyring.rng.as_ref();
        let Ok((record, used)) = wrapped(record, &key, lacking.iter().copied(), rng).await else { return Ok(()) };
        for root in lacking.iter().filter(|root| used.contains(&root.slot())) {
            let proof = root.open(&record).await.map_err(fault::backend)?;
            if proof != key {
                return Err(Error::internal(format!("`{}` opens another key than it wrapped", root.slot())));
            }
        }
        let mut guards = vec![Guard::Revision(Collection::WrappingKey, record.id(), revision)];
        guards.extend(used.iter().map(|slot| slots.guard(slot)));
        let detail = format!("wrapped under {}", used.join(", "));
        self.write(&record, revision, guards, detail).await
    }

    /// Commits a wrapping key anew. That another server was faster is no failure: the next pass sees what it did.
    pub(super) async fn write(
        &self,
        record: &WrappingKeyRecord,
        revision: u64,
        guards: Vec<Guard>,
        detail: String,
    ) -> Result<(), Error> {
        let writes = vec![Write::Put(self.keyring.integrity().row(record, revision + 1))];
        let audit = vec![self.entry(&format!("wrapping-keys/{}", record.id), detail)];
        match self.journal.reserve().map_err(fault::journal)?.commit(changeset(guards, writes, audit)).await {
            Ok(_) | Err(JournalError::Guarded(_)) => Ok(()),
            Err(error) => Err(fault::journal(error)),
        }
    }

    /// Commits a slot's new state, if nobody else has changed it.
    pub(super) async fn change(&self, slot: RootSlot, guard: Guard, also: Also) -> Result<(), Error> {
        let revision = if let Guard::Revision(.., revision) = &guard { *revision } else { 0 };
        let audit = vec![self.entry(&slot.id(), format!("{}, token {}", slot.state, slot.serial))];
        let mut writes = vec![Write::Put(self.keyring.integrity().row(&slot, revision + 1))];
        writes.extend(also.writes);
        let guards = [vec![guard], also.guards].concat();
        let committed = self.journal.reserve().map_err(fault::journal)?;
        committed.commit(changeset(guards, writes, audit).urgent()).await.map(drop).map_err(fault::journal)
    }

    fn entry(&self, resource: &str, detail: String) -> AuditEntry {
        let entry = AuditEntry::done(self.clock.now_ms(), AuditEntry::system(), Action::KeepRoots, resource);
        AuditEntry { detail: Some(detail), ..entry }
    }

    /// What wrapping keys belong to: the deployment, and each tenant.
    pub(super) async fn scopes(&self) -> Result<Vec<String>, Error> {
        let mut scopes = vec![String::new()];
        let mut after: Option<String> = None;
        loop {
            let page = Page { after: after.as_deref(), limit: PAGE };
            let rows = self.keyring.store.list(Collection::Tenant, "", page).await.map_err(fault::store)?;
            let Some(last) = rows.last() else { return Ok(scopes) };
            after = Some(last.id.clone());
            for row in &rows {
                scopes.push(self.keyring.integrity().open::<Tenant>(row).map_err(Error::internal)?.id.to_string());
            }
        }
    }

    /// The wrapping keys of a tenant, with the revisions of their rows.
    pub(super) async fn records(&self, scope: &str) -> Result<Vec<(WrappingKeyRecord, u64)>, Error> {
        let page = Page { after: None, limit: PAGE };
        let rows = self.keyring.store.list(Collection::WrappingKey, scope, page).await.map_err(fault::store)?;
        let open = |row: &hufu_core::changeset::Row| {
            let opened = self.keyring.integrity().open(row);
            let record = opened.map_err(|error| foreign("the row of a wrapping key", error))?;
            self.keyring.learn(&record);
            Ok((record, row.revision))
        };
        rows.iter().map(open).collect()
    }

    /// Takes up the root keys that others have made, and makes those that nobody has.
    async fn make_missing(&self) -> Result<(), Error> {
        let slots = self.keyring.slots().await?;
        for root in &self.keyring.roots() {
            match slots.rows.get(root.slot()) {
                _ if slots.is_revived(root.slot()) => {}
                None if slots.state(root.slot()).is_some() => {}
                None if root.is_serving() => self.announce(root, &slots).await?,
                Some((slot, _)) if slot.serial != root.token.serial => {
                    tracing::error!(slot = slot.name, serial = slot.serial, "the root slot belongs to another token");
                }
                Some((slot, revision)) if slot.state == RootState::Making && root.is_serving() => {
                    let given_up = self.clock.now_ms().saturating_sub(slot.changed_at) > MAKING_MS_MAX;
                    if given_up || !self.keyring.store.is_shared() {
                        self.finish(root, slot, *revision).await?;
                    }
                }
                Some((slot, _)) => *root.key.write() = Some(slot.key),
                None => {}
            }
        }
        Ok(())
    }

    pub(super) async fn announce(&self, root: &Root, slots: &Slots) -> Result<(), Error> {
        let key = VersionUid(random_array(self.keyring.rng.as_ref()).map_err(Error::internal)?);
        let slot = RootSlot {
            name: root.slot().to_owned(),
            serial: root.token.serial.clone(),
            key,
            state: RootState::Making,
            changed_at: self.clock.now_ms(),
        };
        let owner = Material { uid: key, owner: format!("root key of {}", slot.name) };
        let also = Also { writes: vec![Write::Put(owner.to_row(1))], ..Also::default() };
        self.change(slot.clone(), slots.guard(root.slot()), also).await?;
        self.finish(root, &slot, 1).await
    }

    /// The root key is announced: makes it, if the token does not hold it already, proves it, and lets it wrap.
    async fn finish(&self, root: &Root, slot: &RootSlot, revision: u64) -> Result<(), Error> {
        generate(root, slot.key).await.map_err(fault::backend)?;
        *root.key.write() = Some(slot.key);
        let (record, key) = fresh(self.keyring.rng.as_ref(), WrappingKeyUse::KeyMaterial, "", 0)?;
        let bytes = root.seal(&record, &key, self.keyring.rng.as_ref()).await.map_err(fault::backend)?;
        let proof = root.open(&record.with(root.slot(), bytes)).await.map_err(fault::backend)?;
        if proof != key {
            return Err(Error::internal(format!(
                "the new root key of `{}` does not open what it wrapped",
                slot.name
            )));
        }
        let active = RootSlot { state: RootState::Active, changed_at: self.clock.now_ms(), ..slot.clone() };
        let guard = Guard::Revision(Collection::Meta, slot.id(), revision);
        self.change(active, guard, Also::default()).await?;
        tracing::info!(slot = slot.name, serial = slot.serial, "a root slot was added");
        Ok(())
    }
}

async fn generate(root: &Root, uid: VersionUid) -> Result<(), BackendError> {
    let deadline = Instant::now() + TOKEN_TIMEOUT;
    if let Outcome::Found(true) = root.token.backend.perform(Operation::Find(uid), deadline).await? {
        return Ok(());
    }
    let template = Template {
        uid,
        algorithm: Algorithm::Aes256Gcm,
        purpose: Purpose::Encrypt,
        scheme: Scheme::AesGcm,
        binding: [].into(),
        wrapping_key: None,
        exit: Exit::Never,
    };
    root.token.backend.perform(Operation::Generate(&template), deadline).await.map(drop)
}

fn changeset(guards: Vec<Guard>, writes: Vec<Write>, audit: Vec<AuditEntry>) -> Changeset {
    Changeset { guards, writes, audit, ..Changeset::default() }
}

fn report_of(root: &Root, slots: &Slots) -> RootReport {
    let missing = match root.token.backend.health() {
        hufu_core::backend::Health::Serving => None,
        hufu_core::backend::Health::Down(why) => Some(why),
    };
    RootReport {
        slot: root.slot().to_owned(),
        serial: root.token.serial.clone(),
        state: slots.state(root.slot()),
        missing,
        simulated: root.token.backend.capabilities().simulated,
        revived: slots.is_revived(root.slot()),
        wraps: 0,
        keys: 0,
    }
}

fn unconfigured(record: &RootSlot, slots: &Slots) -> RootReport {
    RootReport {
        slot: record.name.clone(),
        serial: record.serial.clone(),
        state: slots.state(&record.name),
        missing: Some("this server's configuration does not name it".to_owned()),
        simulated: false,
        revived: slots.is_revived(&record.name),
        wraps: 0,
        keys: 0,
    }
}
