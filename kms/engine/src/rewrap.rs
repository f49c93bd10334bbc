//! A new wrapping key for a tenant, and its material brought under it in the background.
//!
//! INVARIANT: an old wrapping key is destroyed only after a whole pass that has read every version and every import key of the
//! tenant and found none under it. What is made meanwhile cannot be: it is committed only while the tenant's row is as it was
//! when the wrapping key was taken from it, and so is what is wrapped anew. A server may end anywhere, and several may work at
//! once: each group of rows is committed under the revision of each row.

mod begin;
mod finish;
mod mark;
mod page;
mod pass;

use std::collections::BTreeMap;
use std::time::Duration;

use hufu_core::Error;
use hufu_core::changeset::Collection;
use hufu_core::name::TenantId;
use hufu_core::record::Tenant;

use crate::api::{RotationProgress, TenantKey};
use crate::engine::Engine;
use crate::fault;
use pass::{Pass, Passed};

/// Rotations that are known of at once; others wait.
const ROTATIONS_MAX: u32 = 64;
/// A pass that left something is made again after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// From the pass that found nothing to the end of the old keys: a call under way may have read a row from before.
const CLOSE_AFTER: Duration = Duration::from_secs(10);

/// How far it has come.
#[derive(Default)]
pub(crate) struct Rewrapping {
    pass: Option<Pass>,
    known: BTreeMap<TenantId, Known>,
}

/// A rotation as this server knows it.
#[derive(Clone)]
struct Known {
    tenant: Tenant,
    /// Revision of the tenant's row.
    revision: u64,
    shown: RotationProgress,
    /// The server's uptime from which on there is something to do.
    rests_until: Duration,
}

impl Known {
    fn new(tenant: Tenant, revision: u64) -> Self {
        let (began_at, old_keys) = tenant.rotation.as_ref().map_or((0, 0), |it| (it.began_at, it.from.len() as u64));
        let shown = RotationProgress { began_at, old_keys, ..RotationProgress::default() };
        Self { tenant, revision, shown, rests_until: Duration::ZERO }
    }
}

impl Engine {
    /// Looks at some of the material of tenants whose wrapping key is being rotated. Answers whether there is more to do now. Call it
    /// again and again.
    ///
    /// # Errors
    /// Those of database and backend: the same is tried again. Material that cannot be wrapped anew is counted, told in an alarm,
    /// and tried again later.
    pub async fn rewrap_step(&self) -> Result<bool, Error> {
        let pass = self.rewrapping.lock().pass.take();
        let mut pass = match pass {
            Some(pass) => pass,
            None => match self.next_rotation().await? {
                Some(known) if known.shown.clean => return self.finish_rotation(&known).await.map(|()| true),
                Some(known) => Pass::new(known),
                None => return Ok(false),
            },
        };
        let passed = self.step_of(&mut pass).await;
        let mut state = self.rewrapping.lock();
        if let Some(known) = state.known.get_mut(&pass.known.tenant.id) {
            known.shown = pass.known.shown;
        }
        match passed {
            Ok(Passed::More) => state.pass = Some(pass),
            Ok(Passed::Outdated) => {}
            Ok(Passed::Through) => state.passed(&pass, self.clock.uptime()),
            Err(error) => {
                state.pass = Some(pass);
                return Err(error);
            }
        }
        Ok(true)
    }

    /// Rotations that are under way, as far as this server has seen them.
    pub(crate) fn rotations(&self) -> Vec<TenantKey> {
        let state = self.rewrapping.lock();
        let view = |known: &Known| TenantKey {
            tenant: known.tenant.id.clone(),
            wrapping_key: known.tenant.material_key,
            rotation: Some(known.shown),
        };
        state.known.values().map(view).collect()
    }

    /// A rotation on which there is something to do now.
    async fn next_rotation(&self) -> Result<Option<Known>, Error> {
        // Whenever it began: the clocks of two servers differ.
        let until = i64::MAX.unsigned_abs();
        let rows = self.store.due(Collection::Tenant, until, ROTATIONS_MAX).await.map_err(fault::store)?;
        let mut found = BTreeMap::new();
        for row in &rows {
            match self.keyring.integrity().open::<Tenant>(row) {
                Ok(tenant) => drop(found.insert(tenant.id.clone(), Known::new(tenant, row.revision))),
                Err(_) => drop(self.directory.quarantine(&format!("tenants/{}", row.id), "the tenant row")),
            }
        }
        let mut state = self.rewrapping.lock();
        for (id, known) in &mut found {
            if let Some(before) = state.known.get(id).filter(|before| before.revision == known.revision) {
                known.clone_from(before);
            }
        }
        state.known = found;
        let now = self.clock.uptime();
        Ok(state.known.values().find(|known| known.rests_until <= now).cloned())
    }
}

impl Rewrapping {
    /// A pass is through: another one follows at once, later, or the old keys are destroyed.
    fn passed(&mut self, pass: &Pass, now: Duration) {
        let Some(known) = self.known.get_mut(&pass.known.tenant.id) else { return };
        known.shown.left = pass.left;
        known.shown.clean = pass.left == 0 && pass.rewrapped == 0;
        known.rests_until = match (pass.left, known.shown.clean) {
            (0, true) => now + CLOSE_AFTER,
            (0, false) => now,
            _ => now + AGAIN_AFTER,
        };
    }
}
