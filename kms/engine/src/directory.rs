//! Keys, versions, tenants and principals as the use cases see them: read through bounded caches, trusted only after their tags, and for
//! versions their last ledger leaf, have been checked.

mod wrapping;

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use hufu_core::backend::KeyHandle;
use hufu_core::changes::Changes;
use hufu_core::changeset::{Collection, Row, Subject};
use hufu_core::codec;
use hufu_core::name::{KeyName, TenantId, VersionName};
use hufu_core::policy::Principal;
use hufu_core::record::{KeyRecord, Locator, PrincipalRecord, VersionRecord, WrappingKeyId};
use hufu_core::store::Store;
use hufu_core::{Error, Reason};
use hufu_log::{leaf_row_id, leaf_scope};
use parking_lot::RwLock;
use quick_cache::sync::Cache;

use crate::alarms::{Alarms, QUARANTINE};
use crate::api::{Key, Version};
use crate::fault;
use crate::foundation::Keyring;
use crate::ledger::{LEDGER, ledger_resource};

use wrapping::Wrapping;
pub(crate) use wrapping::{TenantWrapping, tenant_ledger_id, tenant_subject_name};

/// Keys and versions kept in memory, each. Bounds memory whatever the number of keys.
const ENTRIES_MAX: usize = 8_192;
/// Tenants and principals kept in memory, each.
const PRINCIPALS_MAX: usize = 4_096;
/// Attempts to read a version and its last leaf in agreement while others write.
const ATTEMPTS_MAX: usize = 4;

/// A key in the cache.
pub(crate) struct KeyEntry {
    pub(crate) key: Key,
    pub(crate) subject: Subject,
    epoch: u64,
}

/// A version in the cache, ready for use.
pub(crate) struct VersionEntry {
    pub(crate) version: Version,
    pub(crate) subject: Subject,
    /// Changes when the key's material is wrapped anew: outputs under way may go out, and the next use reads the row.
    material: Subject,
    /// Resource name, for the audit trail.
    pub(crate) resource: Arc<str>,
    pub(crate) handle: KeyHandle,
    epoch: u64,
    locks: u64,
}

/// A tenant in the cache.
pub(crate) struct TenantEntry {
    pub(crate) material_key: WrappingKeyId,
    /// Hides the inputs in the audit trail.
    pub(crate) audit_key: hmac::Key,
    /// Revision of the row: what is made under the tenant's wrapping key is committed only while it is that.
    pub(crate) revision: u64,
    subject: Subject,
    epoch: u64,
}

pub(crate) struct Directory {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    changes: Arc<Changes>,
    alarms: Arc<Alarms>,
    deployment: Arc<str>,
    keys: Cache<KeyName, Arc<KeyEntry>>,
    versions: Cache<VersionName, Arc<VersionEntry>>,
    tenants: Cache<TenantId, Arc<TenantEntry>>,
    wrapping: Wrapping,
    principals: Cache<[u8; 32], Principal>,
    /// Principals of this server's configuration, and the oldest revision of their rows that counts.
    registered: RwLock<HashMap<[u8; 32], u64>>,
}

impl Directory {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        keyring: Arc<Keyring>,
        changes: Arc<Changes>,
        alarms: Arc<Alarms>,
        deployment: &str,
    ) -> Self {
        Self {
            wrapping: Wrapping::new(store.clone(), keyring.clone(), changes.clone()),
            store,
            keyring,
            changes,
            alarms,
            deployment: deployment.into(),
            keys: Cache::new(ENTRIES_MAX),
            versions: Cache::new(ENTRIES_MAX),
            tenants: Cache::new(PRINCIPALS_MAX),
            principals: Cache::new(PRINCIPALS_MAX),
            registered: RwLock::default(),
        }
    }

    /// The key, from the cache where it is still good.
    pub(crate) async fn key(&self, name: &KeyName) -> Result<Arc<KeyEntry>, Error> {
        if let Some(entry) = self.keys.get(name)
            && !self.changes.changed_since(&entry.subject, entry.epoch)
        {
            return Ok(entry);
        }
        let epoch = self.changes.applied();
        let key = self.read_key(name).await?;
        let entry = Arc::new(KeyEntry { key, subject: Subject::new(&name.to_string()), epoch });
        self.keys.insert(name.clone(), entry.clone());
        Ok(entry)
    }

    /// The version, from the cache where it is still good.
    pub(crate) async fn version(&self, name: &VersionName) -> Result<Arc<VersionEntry>, Error> {
        let locks = self.alarms.locks();
        if let Some(entry) = self.versions.get(name)
            && entry.locks == locks
            && !self.changes.changed_since(&entry.subject, entry.epoch)
            && !self.changes.changed_since(&entry.material, entry.epoch)
        {
            return Ok(entry);
        }
        let epoch = self.changes.applied();
        let version = self.read_version(name).await?;
        let entry = Arc::new(VersionEntry {
            subject: Subject::new(&name.key.to_string()),
            material: material_subject(&name.key.to_string()),
            resource: name.to_string().into(),
            handle: self.handle(&version.record),
            version,
            epoch,
            locks,
        });
        self.versions.insert(name.clone(), entry.clone());
        Ok(entry)
    }

    /// The key as the database has it now: what a state change begins from.
    pub(crate) async fn read_key(&self, name: &KeyName) -> Result<Key, Error> {
        let resource = name.to_string();
        let row = self.store.get(Collection::Key, &resource).await.map_err(fault::store)?;
        let row = row.ok_or_else(|| key_not_found(name))?;
        match self.keyring.integrity().open::<KeyRecord>(&row) {
            Ok(record) => Ok(Key { record: Arc::new(record), revision: row.revision }),
            Err(error) => Err(self.quarantine(&resource, &format!("the key row: {error}"))),
        }
    }

    /// The version as the database has it now, its tag and its last ledger leaf checked.
    pub(crate) async fn read_version(&self, name: &VersionName) -> Result<Version, Error> {
        let resource = name.to_string();
        if self.alarms.is_quarantined(&resource) {
            return Err(quarantined());
        }
        let mut last_revision = 0;
        for _ in 0..ATTEMPTS_MAX {
            let row = self.store.get(Collection::Version, &name.row_id()).await.map_err(fault::store)?;
            let Some(row) = row else { return Err(self.missing(name).await) };
            let record = match self.open_version(&row) {
                Ok(record) => record,
                Err(error) => return Err(self.quarantine(&resource, &format!("the version row: {error}"))),
            };
            if self.is_event_lost(&record) {
                return Err(
                    self.quarantine(&resource, "the ledger has lost an event, which may be one of this version")
                );
            }
            let Some(problem) = self.disagreement(&record).await? else {
                return Ok(Version { record: Arc::new(record), revision: row.revision });
            };
            if row.revision == last_revision {
                return Err(self.quarantine(&resource, problem));
            }
            last_revision = row.revision;
        }
        Err(Error::new(Reason::Overloaded, "the version is changing too fast").help("try again"))
    }

    /// A version from its row, only by its tag.
    pub(crate) fn open_version(&self, row: &Row) -> Result<VersionRecord, codec::CodecError> {
        self.keyring.integrity().open(row)
    }

    /// The tenant's keys.
    pub(crate) async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantEntry>, Error> {
        if let Some(entry) = self.tenants.get(id)
            && !self.changes.changed_since(&entry.subject, entry.epoch)
        {
            return Ok(entry);
        }
        let known = self.tenant_wrapping(id).await?;
        let audit_key = self.keyring.open(known.tenant.audit_key).await.map_err(fault::backend)?;
        let entry = Arc::new(TenantEntry {
            material_key: known.tenant.material_key,
            audit_key: hmac::Key::new(hmac::HMAC_SHA256, audit_key.expose()),
            revision: known.revision,
            subject: known.subject.clone(),
            epoch: known.epoch,
        });
        self.tenants.insert(id.clone(), entry.clone());
        Ok(entry)
    }

    /// The tenant's row, and which wrapping keys it may have material under.
    pub(crate) async fn tenant_wrapping(&self, id: &TenantId) -> Result<Arc<TenantWrapping>, Error> {
        match self.wrapping.of(id).await? {
            Ok(known) => Ok(known),
            Err(problem) => Err(self.quarantine(&format!("tenants/{id}"), problem)),
        }
    }

    /// Why material that says it is under that wrapping key does not open, if it does not.
    pub(crate) async fn check_wrapping(
        &self,
        tenant: &TenantId,
        locator: &Locator,
    ) -> Result<Option<&'static str>, Error> {
        let Locator::Wrapped { wrapping_key, .. } = locator else { return Ok(None) };
        if self.tenant_wrapping(tenant).await?.tenant.may_be_under(*wrapping_key) {
            return Ok(None);
        }
        // Another server may have given the tenant a new key a moment ago.
        self.wrapping.forget(tenant);
        let known = self.tenant_wrapping(tenant).await?;
        Ok(match known.tenant.may_be_under(*wrapping_key) {
            true => None,
            false if known.replaced.contains(wrapping_key) => Some(UNDER_DESTROYED_KEY),
            false => Some("the material is under a wrapping key that is not the tenant's"),
        })
    }

    /// A principal of the configuration: rows of others, or older ones, do not count from now on.
    pub(crate) fn register(&self, pin: [u8; 32], revision: u64) {
        self.registered.write().insert(pin, revision);
    }

    /// Whether the configuration names a principal of that pin.
    pub(crate) fn is_registered(&self, pin: &[u8; 32]) -> bool {
        self.registered.read().contains_key(pin)
    }

    /// Who authenticates with a certificate of that pin.
    pub(crate) async fn principal(&self, pin: &[u8; 32]) -> Result<Principal, Error> {
        if let Some(principal) = self.principals.get(pin)
            && !self.changes.changed_since(&principal.subject, principal.epoch)
        {
            return Ok(principal);
        }
        let oldest = self.registered.read().get(pin).copied().ok_or_else(unauthenticated)?;
        let epoch = self.changes.applied();
        let id = PrincipalRecord::row_id(pin);
        let row =
            self.store.get(Collection::Principal, &id).await.map_err(fault::store)?.ok_or_else(unauthenticated)?;
        let genuine = self.keyring.integrity().open::<PrincipalRecord>(&row);
        let Some(record) = genuine.ok().filter(|_| row.revision >= oldest) else {
            self.alarms.raise(
                QUARANTINE,
                &format!("principal {id}"),
                "the principal row is not as the service wrote it",
            );
            return Err(unauthenticated());
        };
        if !record.active {
            return Err(unauthenticated());
        }
        let label = format!("tenants/{}/principals/{}", record.tenant, record.id).into();
        let principal = Principal { subject: Subject::new(&id), label, record: Arc::new(record), epoch };
        self.principals.insert(*pin, principal.clone());
        Ok(principal)
    }

    /// What a backend needs of a version.
    pub(crate) fn handle(&self, record: &VersionRecord) -> KeyHandle {
        KeyHandle {
            uid: record.uid,
            algorithm: record.algorithm,
            scheme: record.scheme,
            locator: record.locator.clone(),
            binding: match &record.locator {
                Locator::Wrapped { wrapping_key, .. } => self.binding(record, *wrapping_key),
                _ => Arc::new([]),
            },
            public_key: record.public_key.as_deref().map(Into::into),
            distinguishing_id: record.distinguishing_id.as_deref().map(Into::into),
        }
    }

    /// Associated data of wrapped key material: everything that must not be swapped under it.
    pub(crate) fn binding(&self, record: &VersionRecord, wrapping_key: WrappingKeyId) -> Arc<[u8]> {
        let exportable = record.exit == hufu_core::record::Exit::Exportable;
        let identity = (&*self.deployment, &record.tenant, &record.key, record.number, record.uid);
        let usage = (record.algorithm, record.scheme, record.purpose, record.protection, exportable, wrapping_key);
        codec::encode("hufu-material-binding", 1, &(identity, usage)).into()
    }

    /// Whether an event that is no longer there may have been one of this version: what is left then proves nothing.
    fn is_event_lost(&self, record: &VersionRecord) -> bool {
        let own = ledger_resource(&leaf_scope(&record.ledger_id));
        self.alarms.is_quarantined(&own) || self.alarms.is_quarantined(LEDGER)
    }

    /// What is wrong with a version whose tag is right, if something is.
    async fn disagreement(&self, record: &VersionRecord) -> Result<Option<&'static str>, Error> {
        if !self.agrees_with_ledger(record).await? {
            return Ok(Some("the version row is not as its last ledger leaf says"));
        }
        self.check_wrapping(&record.tenant, &record.locator).await
    }

    async fn agrees_with_ledger(&self, record: &VersionRecord) -> Result<bool, Error> {
        let scope = leaf_scope(&record.ledger_id);
        let leaf = self.store.last(Collection::Leaf, &scope).await.map_err(fault::store)?;
        let Some(leaf) = leaf else { return Ok(false) };
        let same_place = leaf.id == leaf_row_id(&record.ledger_id, record.last_sequence);
        Ok(same_place && hufu_tlog::leaf_hash(&leaf.body).0 == record.last_event)
    }

    /// Why there is no such version: there is no such key, or it has fewer versions.
    async fn missing(&self, name: &VersionName) -> Error {
        match self.store.get(Collection::Key, &name.key.to_string()).await {
            Ok(Some(_)) => version_not_found(name),
            Ok(None) => key_not_found(&name.key),
            Err(error) => fault::store(error),
        }
    }

    pub(crate) fn quarantine(&self, resource: &str, detail: &str) -> Error {
        self.alarms.raise(QUARANTINE, resource, detail);
        quarantined()
    }
}

/// What is told of material whose wrapping key was rotated and destroyed.
const UNDER_DESTROYED_KEY: &str = "the material is under a wrapping key that was destroyed when the tenant's key was rotated: the row is from before that";

/// What the change feed calls the wrapping of a key's material.
pub(crate) fn material_subject(key: &str) -> Subject {
    Subject::new(&format!("material of {key}"))
}

pub(crate) fn key_not_found(name: &KeyName) -> Error {
    Error::new(Reason::KeyNotFound, format!("there is no key `{name}`")).field("name")
}

fn version_not_found(name: &VersionName) -> Error {
    Error::new(Reason::VersionNotFound, format!("there is no version `{name}`")).field("name")
}

fn quarantined() -> Error {
    Error::new(Reason::Quarantined, "stored data disagree: the resource is locked")
        .help("an operator must look at the alarms in the status")
}

fn unauthenticated() -> Error {
    Error::new(Reason::Unauthenticated, "the certificate belongs to no active principal")
        .help("register the certificate's public-key pin")
}
