//! What the ledger tells of a tenant's wrapping keys: whoever puts a tenant's rows back from before a rotation is found out.

use hufu_core::Error;
use hufu_core::changeset::Write;
use hufu_core::codec;
use hufu_core::record::{LedgerMark, Tenant};
use sha2::{Digest as _, Sha256};

use crate::directory::{tenant_ledger_id, tenant_subject_name};
use crate::engine::Engine;
use crate::keys::Staging;
use crate::leaf::{PlainEvent, plain_leaf};

impl Engine {
    /// The row of a tenant whose wrapping keys have changed, with the leaf that tells it. Nobody outside learns which tenant it is, nor
    /// which keys.
    pub(super) fn stage_tenant(&self, staging: &mut Staging<'_>, tenant: Tenant, revision: u64) -> Result<(), Error> {
        let id = tenant_ledger_id(self.keyring.integrity(), &tenant.id);
        let sequence = tenant.on_ledger.map_or(0, |mark| mark.sequence.saturating_add(1));
        let next = plain_leaf(&PlainEvent {
            origin: &self.deployment.log_origin,
            id,
            sequence,
            previous: tenant.on_ledger.map(|mark| mark.leaf),
            at: self.clock.now_ms(),
            names: [("tenant-key", digest(&tenant.material_key)), ("tenant-rotation", digest(&tenant.rotation))],
            evidence: staging.evidence(),
        })?;
        let tenant = Tenant { on_ledger: Some(LedgerMark { sequence, leaf: next.hash }), ..tenant };
        staging.leaf(&tenant_subject_name(&tenant.id), next.row);
        staging.write(Write::Put(self.keyring.integrity().row(&tenant, revision + 1)));
        Ok(())
    }
}

fn digest(value: &impl minicbor::Encode<()>) -> [u8; 32] {
    Sha256::digest(codec::encode("hufu-tenant-wrapping", 1, value)).into()
}
