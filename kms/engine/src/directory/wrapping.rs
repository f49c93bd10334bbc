//! Under which wrapping keys a tenant's material may be.

use std::sync::Arc;

use hufu_core::changes::Changes;
use hufu_core::changeset::{Collection, Subject};
use hufu_core::name::TenantId;
use hufu_core::record::{Tenant, WrappingKeyId, WrappingKeyRecord};
use hufu_core::store::{Page, Store};
use hufu_core::{Error, Reason};
use hufu_log::{leaf_row_id, leaf_scope};
use quick_cache::sync::Cache;

use super::PRINCIPALS_MAX;
use crate::fault;
use crate::foundation::{Integrity, Keyring};

/// Most wrapping keys of one tenant: its material's, those that it rotates away from, its audit's.
const KEYS_MAX: u32 = 64;

/// A tenant's row, and what its wrapping keys tell of those before them.
pub(crate) struct TenantWrapping {
    pub(crate) tenant: Tenant,
    pub(crate) revision: u64,
    /// Wrapping keys that it once had, whether they are destroyed yet or not.
    pub(crate) replaced: Vec<WrappingKeyId>,
    pub(crate) subject: Subject,
    pub(crate) epoch: u64,
}

/// Reads them, through a cache.
pub(super) struct Wrapping {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    changes: Arc<Changes>,
    tenants: Cache<TenantId, Arc<TenantWrapping>>,
}

impl Wrapping {
    pub(super) fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>, changes: Arc<Changes>) -> Self {
        Self { store, keyring, changes, tenants: Cache::new(PRINCIPALS_MAX) }
    }

    /// The tenant as it is now, or why its row is not to be trusted.
    pub(super) async fn of(&self, id: &TenantId) -> Result<Result<Arc<TenantWrapping>, &'static str>, Error> {
        if let Some(known) = self.tenants.get(id)
            && !self.changes.changed_since(&known.subject, known.epoch)
        {
            return Ok(Ok(known));
        }
        let read = self.read(id).await?;
        if let Ok(known) = &read {
            self.tenants.insert(id.clone(), known.clone());
        }
        Ok(read)
    }

    /// Has the row read anew.
    pub(super) fn forget(&self, id: &TenantId) {
        self.tenants.remove(id);
    }

    async fn read(&self, id: &TenantId) -> Result<Result<Arc<TenantWrapping>, &'static str>, Error> {
        let epoch = self.changes.applied();
        let row = self.store.get(Collection::Tenant, id.as_str()).await.map_err(fault::store)?;
        let row =
            row.ok_or_else(|| Error::new(Reason::PermissionDenied, "there is no such tenant, or it is not yours"))?;
        let Ok(tenant) = self.keyring.integrity().open::<Tenant>(&row) else { return Ok(Err("the tenant row")) };
        let replaced = self.replaced(id).await?;
        // The keys are read after the row: what they have replaced by then, a row of that time does not name as newest.
        if replaced.contains(&tenant.material_key) && !self.has_moved_on(id, row.revision).await? {
            return Ok(Err("the tenant row is from before its wrapping key was rotated"));
        }
        if !self.agrees_with_ledger(&tenant).await? && !self.has_moved_on(id, row.revision).await? {
            return Ok(Err("the tenant row is not as its last ledger leaf says"));
        }
        for key in replaced.iter().filter(|key| !tenant.may_be_under(**key)) {
            self.keyring.forget(*key);
        }
        let (revision, subject) = (row.revision, Subject::new(&tenant_subject_name(id)));
        Ok(Ok(Arc::new(TenantWrapping { tenant, revision, replaced, subject, epoch })))
    }

    /// What the tenant's wrapping keys say that they took over from.
    async fn replaced(&self, id: &TenantId) -> Result<Vec<WrappingKeyId>, Error> {
        let page = Page { after: None, limit: KEYS_MAX };
        let rows = self.store.list(Collection::WrappingKey, id.as_str(), page).await.map_err(fault::store)?;
        // One that is not genuine says nothing; opening it is refused where it is used.
        let records = rows.iter().filter_map(|row| self.keyring.integrity().open::<WrappingKeyRecord>(row).ok());
        let mut replaced: Vec<WrappingKeyId> = Vec::new();
        for key in records.flat_map(|record| record.replaces) {
            if !replaced.contains(&key) {
                replaced.push(key);
            }
        }
        Ok(replaced)
    }

    /// Whether the newest leaf about the tenant's wrapping keys tells of this very row: an older copy of it ends before.
    async fn agrees_with_ledger(&self, tenant: &Tenant) -> Result<bool, Error> {
        let id = tenant_ledger_id(self.keyring.integrity(), &tenant.id);
        let newest = self.store.last(Collection::Leaf, &leaf_scope(&id)).await.map_err(fault::store)?;
        Ok(match (newest, tenant.on_ledger) {
            (None, None) => true,
            (Some(leaf), Some(mark)) => {
                leaf.id == leaf_row_id(&id, mark.sequence) && hufu_tlog::leaf_hash(&leaf.body).0 == mark.leaf
            }
            _ => false,
        })
    }

    /// Whether a rotation has begun since the row was read.
    async fn has_moved_on(&self, id: &TenantId, revision: u64) -> Result<bool, Error> {
        let row = self.store.get(Collection::Tenant, id.as_str()).await.map_err(fault::store)?;
        Ok(row.is_some_and(|row| row.revision > revision))
    }
}

/// What stands for a tenant's wrapping keys on the ledger: the same after each start, and nobody else can tell whose it is.
pub(crate) fn tenant_ledger_id(integrity: &Integrity, id: &TenantId) -> [u8; 32] {
    integrity.tag_of_tenant("hufu-tenant-ledger-id-v1", id.as_str(), b"")
}

/// What the change feed calls a tenant.
pub(crate) fn tenant_subject_name(id: &TenantId) -> String {
    format!("tenants/{id}")
}
