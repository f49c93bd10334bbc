//! Tenants and principals, registered from configuration.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Subject, Write};
use hufu_core::name::{PrincipalId, TenantId};
use hufu_core::policy::Action;
use hufu_core::record::{PrincipalRecord, Record, Role, Tenant, WrappingKeyUse};
use hufu_core::{Error, Reason};

use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// Registers a tenant, with wrapping keys of its own. Nothing happens if it is registered.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`] for the reserved tenant; those of token and database.
    pub async fn register_tenant(&self, id: &TenantId) -> Result<(), Error> {
        if id.is_system() {
            return Err(Error::new(Reason::PermissionDenied, "the tenant `system` is reserved").field("tenant"));
        }
        let found = self.store.get(Collection::Tenant, id.as_str()).await.map_err(fault::store)?;
        if found.is_some() {
            return self.directory.tenant(id).await.map(drop);
        }
        let now = self.clock.now_ms();
        let (material, mut guards) = self.keyring.create(WrappingKeyUse::KeyMaterial, id.as_str(), now).await?;
        let (audit, more) = self.keyring.create(WrappingKeyUse::AuditInput, id.as_str(), now).await?;
        guards.extend(more.into_iter().filter(|guard| !guards.contains(guard)).collect::<Vec<_>>());
        guards.push(Guard::Absent(Collection::Tenant, id.to_string()));
        let tenant = Tenant {
            id: id.clone(),
            created_at: now,
            material_key: material.id,
            audit_key: audit.id,
            rotation: None,
            on_ledger: None,
        };
        let seal = self.keyring.integrity();
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Lifecycle, format!("tenants/{id}"));
        let changeset = Changeset {
            guards,
            writes: vec![
                Write::Put(seal.row(&material, 1)),
                Write::Put(seal.row(&audit, 1)),
                Write::Put(seal.row(&tenant, 1)),
            ],
            ..Changeset::audit_only(AuditEntry { detail: Some("registered".to_owned()), ..entry })
        };
        self.reserve()?.commit(changeset).await.map(drop).map_err(fault::journal)
    }

    /// Registers a principal, or changes what it was registered as. Nothing happens if it is so already.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn register_principal(
        &self,
        tenant: &TenantId,
        id: &PrincipalId,
        role: Role,
        active: bool,
        pin: [u8; 32],
    ) -> Result<(), Error> {
        let now = self.clock.now_ms();
        let mut record =
            PrincipalRecord { id: id.clone(), tenant: tenant.clone(), role, active, pin, created_at: now };
        let row = self.store.get(Collection::Principal, &record.id()).await.map_err(fault::store)?;
        let revision = row.as_ref().map_or(0, |row| row.revision);
        if let Some(row) = &row {
            let known: PrincipalRecord = self.keyring.integrity().open(row).map_err(|error| {
                Error::new(Reason::Quarantined, "a principal row is not as the service wrote it").because(error)
            })?;
            record.created_at = known.created_at;
            if known == record {
                self.directory.register(pin, revision);
                return Ok(());
            }
        }
        let guard = match revision {
            0 => Guard::Absent(Collection::Principal, record.id()),
            revision => Guard::Revision(Collection::Principal, record.id(), revision),
        };
        let resource = format!("tenants/{tenant}/principals/{id}");
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Lifecycle, resource);
        let detail = Some(format!("registered as {role}, {}", if active { "active" } else { "inactive" }));
        let changeset = Changeset {
            guards: vec![guard],
            writes: vec![Write::Put(self.keyring.integrity().row(&record, revision + 1))],
            feed: vec![FeedItem { subject: Subject::new(&record.id()), leaf: None }],
            ..Changeset::audit_only(AuditEntry { detail, ..entry })
        }
        .urgent();
        self.reserve()?.commit(changeset).await.map_err(fault::journal)?;
        self.directory.register(pin, revision + 1);
        Ok(())
    }

    /// Whether the configuration names a principal of that pin. Cheap: ask before anything is read of a request.
    #[must_use]
    pub fn is_registered(&self, pin: &[u8; 32]) -> bool {
        self.directory.is_registered(pin)
    }
}
