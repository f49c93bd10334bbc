//! The end of a rotation: nothing is under the old keys, and they are destroyed.

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Record, Tenant};
use hufu_journal::JournalError;

use super::Known;
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;

impl Engine {
    /// Destroys the keys that were rotated away from, if the tenant's row is as it was during the pass that found nothing.
    pub(super) async fn finish_rotation(&self, known: &Known) -> Result<(), Error> {
        let Known { tenant, revision, .. } = known;
        let from = tenant.rotation.as_ref().map(|rotation| rotation.from.clone()).unwrap_or_default();
        let done = Tenant { rotation: None, ..tenant.clone() };
        let now = self.clock.now_ms();
        let mut audit = from.iter().map(|key| {
            let entry = AuditEntry::done(
                now,
                AuditEntry::system(),
                Action::Rewrap,
                format!("tenants/{}/wrapping-keys/{key}", tenant.id),
            );
            // Not erased: whoever has a backup from before, and a root key of that time, still has it.
            let detail =
                format!("destroyed: nothing of tenants/{} is under it; older backups still hold it", tenant.id);
            AuditEntry { detail: Some(detail), ..entry }
        });
        let first = audit.next().ok_or_else(|| Error::internal("a rotation from no key"))?;
        let mut staging = Staging::new(self, first);
        audit.for_each(|entry| staging.also(entry));
        staging.guard(Guard::Revision(Collection::Tenant, done.id(), *revision));
        self.stage_tenant(&mut staging, done, *revision)?;
        from.iter().for_each(|key| staging.write(Write::Delete(Collection::WrappingKey, key.to_string())));
        match self.reserve()?.commit(staging.finish()).await {
            Ok(_) => from.iter().for_each(|key| self.keyring.forget(*key)),
            // Another server has ended it, or a newer rotation has begun.
            Err(JournalError::Guarded(_)) => {}
            Err(error) => return Err(fault::journal(error)),
        }
        self.rewrapping.lock().known.remove(&tenant.id);
        Ok(())
    }
}
