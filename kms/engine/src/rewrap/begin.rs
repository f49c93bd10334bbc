//! The beginning of a rotation, and how far it is.

use hufu_ceremony::Kind;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::name::TenantId;
use hufu_core::policy::Action;
use hufu_core::record::{Record, Tenant, TenantRotation, WrappingKeyRecord, WrappingKeyUse};
use hufu_core::{Error, Reason};

use crate::api::{Caller, RotationProgress, TenantKey};
use crate::directory::TenantWrapping;
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;

/// Old keys that material may be under at once: what could not be wrapped anew keeps them.
const OLD_KEYS_MAX: usize = 8;
/// Rotations that one wrapping key remembers.
const REPLACED_MAX: usize = 1_024;

impl Engine {
    /// Gives the tenant a new wrapping key. New material is under it at once; what there is follows in the background, and
    /// then the old key is destroyed. One that is still under way goes on to the newest key.
    ///
    /// # Errors
    /// [`Reason::WrongState`] when too many old keys still hold material, [`Reason::BackendUnavailable`] when no root key's token
    /// answers, [`Reason::Overloaded`] when another rotation began or ended at the same moment.
    pub async fn rotate_tenant_key(&self, caller: &Caller, tenant: &TenantId) -> Result<TenantKey, Error> {
        let result = self.rotate_tenant_checked(caller, tenant).await;
        self.conclude(caller, Action::RotateTenantKey, || format!("tenants/{tenant}"), result).await
    }

    /// The tenant's wrapping key, and how far its rotation is.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub async fn tenant_key(&self, caller: &Caller, tenant: &TenantId) -> Result<TenantKey, Error> {
        let result = match self.authorize(caller, Action::ReadTenantKey, tenant, None) {
            Ok(_) => self.tenant_key_now(tenant).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadTenantKey, || format!("tenants/{tenant}"), result).await
    }

    async fn rotate_tenant_checked(&self, caller: &Caller, tenant: &TenantId) -> Result<TenantKey, Error> {
        let permit = self.authorize(caller, Action::RotateTenantKey, tenant, None)?;
        if self.replayed(caller).await?.is_none() {
            let permit = self.may_do_alone(permit, Kind::RotateTenantKey).await?;
            let begun = self.begin_rotation(caller, &permit, tenant).await;
            self.unless_repeated(caller, begun).await?;
        }
        self.tenant_key_now(tenant).await
    }

    pub(crate) async fn begin_rotation(&self, caller: &Caller, permit: &Permit, id: &TenantId) -> Result<(), Error> {
        let now = self.clock.now_ms();
        let known = self.directory.tenant_wrapping(id).await?;
        let tenant = &known.tenant;
        check_room(&known)?;
        let (key, mut guards) = self.keyring.create(WrappingKeyUse::KeyMaterial, id.as_str(), now).await?;
        let mut replaces = known.replaced.clone();
        replaces.push(tenant.material_key);
        let key = WrappingKeyRecord { replaces, ..key };
        let mut rotation = tenant.rotation.clone().unwrap_or(TenantRotation { from: Vec::new(), began_at: now });
        rotation.from.push(tenant.material_key);
        let new = Tenant { material_key: key.id, rotation: Some(rotation), ..tenant.clone() };
        guards.push(Guard::Revision(Collection::Tenant, new.id(), known.revision));
        let entry = self.entry(caller, Action::RotateTenantKey, format!("tenants/{id}"), permit);
        let detail = format!("wrapping key {} takes over from {}", key.id, tenant.material_key);
        let mut staging = Staging::new(self, AuditEntry { detail: Some(detail), ..entry });
        staging.rest_on_rules(permit);
        guards.into_iter().for_each(|guard| staging.guard(guard));
        staging.write(Write::Put(self.keyring.integrity().row(&key, 1)));
        self.stage_tenant(&mut staging, new, known.revision)?;
        staging.remember(self.to_remember(caller, &format!("tenants/{id}")));
        self.reserve()?.commit(staging.finish()).await.map(drop).map_err(fault::journal)
    }

    async fn tenant_key_now(&self, id: &TenantId) -> Result<TenantKey, Error> {
        let known = self.directory.tenant_wrapping(id).await?;
        let seen = self.rewrapping.lock().known.get(id).filter(|seen| seen.revision == known.revision).cloned();
        let rotation = known.tenant.rotation.as_ref().map(|rotation| {
            let (began_at, old_keys) = (rotation.began_at, rotation.from.len() as u64);
            seen.map_or(RotationProgress { began_at, old_keys, ..RotationProgress::default() }, |seen| seen.shown)
        });
        Ok(TenantKey { tenant: id.clone(), wrapping_key: known.tenant.material_key, rotation })
    }
}

fn check_room(known: &TenantWrapping) -> Result<(), Error> {
    let old = known.tenant.rotation.as_ref().map_or(0, |rotation| rotation.from.len());
    if old >= OLD_KEYS_MAX {
        let what = format!("{old} old wrapping keys of the tenant still hold material");
        return Err(
            Error::new(Reason::WrongState, what).help("see to the alarms first: something cannot be wrapped anew")
        );
    }
    if known.replaced.len() >= REPLACED_MAX {
        let what = format!("the tenant's wrapping key was rotated {REPLACED_MAX} times");
        return Err(Error::new(Reason::WrongState, what).help("make a new tenant"));
    }
    Ok(())
}
