//! The work of each kind of ceremony.

use hufu_ceremony::{Destruction, KeyVersion, Labelled, PolicyHash, TenantKey};
use hufu_core::changeset::{Collection, Guard};
use hufu_core::name::{KeyName, TenantId, VersionNumber};
use hufu_core::record::{CeremonyRules, KeyRecord, VersionRecord};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_custodian::RosterHash;
use sha2::{Digest as _, Sha256};

use super::acts::{key_name, tenant_name, version_name};
use super::execute::{Done, note_of};
use super::held::Held;
use crate::api::{Caller, Change, VersionChange};
use crate::engine::{Engine, Permit};
use crate::fault;

/// Keys looked at at once.
const PAGE: u32 = 256;
/// Receipts of an outcome at most: of the first keys of many.
const RECEIPTS_MAX: usize = 16;

const ROTATED: &str = "rotated";
const PLANNED: &str = "planned";
const BEGUN: &str = "begun";
const SCHEDULED: &str = "scheduled";
const IN_FORCE: &str = "in-force";

impl Engine {
    pub(super) async fn do_rotate_key(&self, held: Held, act: &KeyVersion) -> Result<Done, Error> {
        let key = key_name(&act.key)?;
        let held = self.rotate_step(held, &key, Some(act.version), ROTATED).await?;
        let newest = note_of(&held, ROTATED).unwrap_or_default();
        let receipts = vec![self.receipt_of(&key).await?];
        Ok(Done::All(held, format!("{newest} took over from version {}", act.version), receipts))
    }

    pub(super) async fn do_rotate_label(&self, held: Held, act: &Labelled) -> Result<Done, Error> {
        let tenant = tenant_name(&act.tenant)?;
        let keys = self.labelled(&tenant, act).await?;
        let mut held = held;
        if note_of(&held, PLANNED).is_none() {
            if keys.len() > usize::try_from(act.keys_max).unwrap_or(usize::MAX) {
                let message = format!("{} keys have the label, and {} were approved", keys.len(), act.keys_max);
                return Err(Error::new(Reason::TooMany, message));
            }
            held = self.step_done(&held, PLANNED, &format!("{} keys", keys.len())).await?;
        }
        let (mut rotated, mut receipts) = (0u32, Vec::new());
        // Keys that were given the label since are rotated too, as far as was approved.
        for key in keys.iter().take(usize::try_from(act.keys_max).unwrap_or(usize::MAX)) {
            held = self.rotate_step(held, key, None, &format!("{ROTATED}/{}", key.key)).await?;
            rotated = rotated.saturating_add(1);
            if receipts.len() < RECEIPTS_MAX {
                receipts.push(self.receipt_of(key).await?);
            }
        }
        if receipts.is_empty() {
            receipts.push(self.ceremony_receipt(&held));
        }
        Ok(Done::All(held, format!("{rotated} keys have a new version"), receipts))
    }

    pub(super) async fn do_rotate_tenant_key(&self, held: Held, act: &TenantKey) -> Result<Done, Error> {
        let tenant = tenant_name(&act.tenant)?;
        let held = if note_of(&held, BEGUN).is_some() { held } else { self.begin_tenant(held, &tenant, act).await? };
        let known = self.directory.tenant_wrapping(&tenant).await?;
        if known.tenant.rotation.is_some() {
            return Ok(Done::Later(held));
        }
        let receipts = vec![self.ceremony_receipt(&held)];
        let begun = note_of(&held, BEGUN).unwrap_or_default();
        Ok(Done::All(held, format!("{begun}; nothing is under the old one, which is destroyed"), receipts))
    }

    async fn begin_tenant(&self, held: Held, tenant: &TenantId, act: &TenantKey) -> Result<Held, Error> {
        let (caller, permit) = self.acting(&held, tenant, BEGUN)?;
        if self.replayed(&caller).await?.is_none() {
            let begun = self.begin_tenant_from(&caller, &permit, tenant, act.version).await;
            self.unless_repeated(&caller, begun).await?;
        }
        let now = self.directory.tenant_wrapping(tenant).await?;
        let note = format!("wrapping key {} took over from version {}", now.tenant.material_key, act.version);
        self.step_done(&held, BEGUN, &note).await
    }

    async fn begin_tenant_from(
        &self,
        caller: &Caller,
        permit: &Permit,
        tenant: &TenantId,
        from: u32,
    ) -> Result<(), Error> {
        let known = self.directory.tenant_wrapping(tenant).await?;
        let version = known.replaced.len().saturating_add(1);
        if u32::try_from(version).ok() != Some(from) {
            let message = format!("the tenant's wrapping key is version {version} now, not {from}");
            return Err(Error::new(Reason::WrongState, message));
        }
        self.begin_rotation(caller, permit, tenant).await
    }

    pub(super) async fn do_destroy(&self, held: Held, act: &Destruction) -> Result<Done, Error> {
        if let Ok(deposit) = act.key.as_str().parse() {
            return self.do_give_up(held, act, &deposit).await;
        }
        let name = version_name(&act.key, act.version)?;
        let held = if note_of(&held, SCHEDULED).is_some() {
            held
        } else {
            let version = self.directory.read_version(&name).await?;
            check_public_key(&version.record, act)?;
            let (caller, permit) = self.acting(&held, &name.key.tenant, SCHEDULED)?;
            if self.replayed(&caller).await?.is_none() {
                let change = Change::ScheduleDestroy { after_ms: self.destroy_delay_ms_min };
                let request = VersionChange { name: name.clone(), etag: None, change };
                let changed = self.change_read(&caller, &permit, &request).await;
                self.unless_repeated(&caller, changed).await?;
            }
            self.step_done(&held, SCHEDULED, &name.to_string()).await?
        };
        let version = self.directory.read_version(&name).await?;
        let receipts = vec![self.version_receipt(&version.record)];
        let delay_s = self.destroy_delay_ms_min / 1_000;
        Ok(Done::All(held, format!("{name} is destroyed {delay_s} seconds after this was begun"), receipts))
    }

    pub(super) async fn do_change_policy(&self, held: Held, next: PolicyHash) -> Result<Done, Error> {
        let held = self.put_in_force(held, |rules| rules.policy = next.0).await?;
        let receipts = vec![self.ceremony_receipt(&held)];
        Ok(Done::All(held, format!("policy {next} is in force"), receipts))
    }

    pub(super) async fn do_change_roster(&self, held: Held, next: RosterHash) -> Result<Done, Error> {
        let held = self.put_in_force(held, |rules| rules.roster = next.0).await?;
        let receipts = vec![self.ceremony_receipt(&held)];
        Ok(Done::All(held, format!("roster {} is in force", hex::encode(next.0)), receipts))
    }

    /// Puts another roster or policy in force, in the place of exactly those that this ceremony stands on.
    async fn put_in_force(&self, held: Held, change: impl FnOnce(&mut CeremonyRules)) -> Result<Held, Error> {
        if note_of(&held, IN_FORCE).is_some() {
            return Ok(held);
        }
        let (now, mut rules, revision) = self.in_force().await?;
        let own = held.ceremony.binding();
        if (now.roster_hash(), now.policy_hash()) != (own.roster, own.policy) {
            let message = "another roster or policy came into force since this was proposed";
            return Err(Error::new(Reason::WrongState, message));
        }
        change(&mut rules);
        rules.by = Some(held.record.number);
        // The two must fit together, or nobody could propose anything any more.
        self.grounds(RosterHash(rules.roster), PolicyHash(rules.policy)).await?;
        self.step_done_with(&held, IN_FORCE, &format!("revision {}", revision + 1), |staging| {
            staging.guard(Guard::Revision(Collection::Meta, CeremonyRules::ID.to_owned(), revision));
            self.stage_rules(staging, rules, revision)
        })
        .await
    }

    /// Rotates a key once, and writes it down.
    pub(super) async fn rotate_step(
        &self,
        held: Held,
        key: &KeyName,
        from: Option<u32>,
        step: &str,
    ) -> Result<Held, Error> {
        if note_of(&held, step).is_some() {
            return Ok(held);
        }
        let (caller, permit) = self.acting(&held, &key.tenant, step)?;
        if self.replayed(&caller).await?.is_none() {
            let rotated = self.rotate_from(&caller, &permit, key, from).await;
            self.unless_repeated(&caller, rotated).await?;
        }
        let latest = self.directory.read_key(key).await?.record.latest;
        self.step_done(&held, step, &key.version(latest).to_string()).await
    }

    async fn rotate_from(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: &KeyName,
        from: Option<u32>,
    ) -> Result<(), Error> {
        let found = self.directory.read_key(key).await?;
        check_primary(&found.record, from)?;
        self.rotate_read(caller, permit, key, Some(found.revision), None).await
    }

    /// The names of a tenant's keys with a label, in order.
    async fn labelled(&self, tenant: &TenantId, act: &Labelled) -> Result<Vec<KeyName>, Error> {
        let (mut names, mut after): (Vec<KeyName>, Option<String>) = (Vec::new(), None);
        loop {
            let page = Page { after: after.as_deref(), limit: PAGE };
            let rows = self.store.list(Collection::Key, tenant.as_str(), page).await.map_err(fault::store)?;
            for row in &rows {
                let opened = self.keyring.integrity().open::<KeyRecord>(row);
                let record = opened.map_err(|_| self.directory.quarantine(&row.id, "the key row"))?;
                let value = record.labels.get(act.label.as_str());
                if value.is_some_and(|value| value == act.value.as_str()) {
                    names.push(record.name());
                }
            }
            if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                return Ok(names);
            }
            after = rows.last().map(|row| row.id.clone());
        }
    }

    /// Points at the newest event of a key's newest version.
    async fn receipt_of(&self, key: &KeyName) -> Result<Vec<u8>, Error> {
        let latest = self.directory.read_key(key).await?.record.latest;
        let version = self.directory.read_version(&key.version(latest)).await?;
        Ok(self.version_receipt(&version.record))
    }
}

fn check_primary(key: &KeyRecord, from: Option<u32>) -> Result<(), Error> {
    let wanted = from.map(VersionNumber::new).transpose()?;
    if wanted.is_none() || key.primary == wanted {
        return Ok(());
    }
    Err(Error::new(Reason::WrongState, "the version that was to be replaced is not the key's primary one any more"))
}

fn check_public_key(version: &VersionRecord, act: &Destruction) -> Result<(), Error> {
    let found = version.public_key.as_deref().map(|spki| <[u8; 32]>::from(Sha256::digest(spki)));
    if found == act.public_key.map(|named| named.0) {
        return Ok(());
    }
    Err(Error::new(Reason::WrongState, "the version has another public key than the request names"))
}
