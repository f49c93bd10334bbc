//! The service as it acts for a ceremony: what custodians approved needs nobody else's permission.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::Subject;
use hufu_core::name::{PrincipalId, TenantId};
use hufu_core::policy::Principal;
use hufu_core::record::{PrincipalRecord, Role};
use sha2::{Digest as _, Sha256};

use super::held::Held;
use crate::api::{Caller, Idempotency};
use crate::engine::{Engine, Permit};
use crate::keys::CEREMONY_METHOD;

/// Longest time for one step.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

impl Engine {
    /// Who does a step of a ceremony. The request id comes from ceremony and step: done again after a crash, it is the same one.
    pub(super) fn acting(&self, held: &Held, tenant: &TenantId, step: &str) -> Result<(Caller, Permit), Error> {
        self.check_fresh()?;
        let epoch = self.changes.applied();
        let record = PrincipalRecord {
            id: PrincipalId::parse("ceremony")?,
            tenant: tenant.clone(),
            role: Role::Operator,
            active: true,
            pin: [0; 32],
            created_at: 0,
        };
        let subject = Subject::new(&held.resource());
        let principal = Principal { record: Arc::new(record), subject, label: AuditEntry::system(), epoch };
        let body: [u8; 32] = Sha256::new()
            .chain_update(b"hufu-ceremony-step-v1\0")
            .chain_update(held.record.ceremony)
            .chain_update(step)
            .finalize()
            .into();
        let mut request_id = [0; 16];
        request_id.iter_mut().zip(body).for_each(|(to, from)| *to = from);
        let idempotency = Some(Idempotency { request_id, method: CEREMONY_METHOD, body });
        let deadline = Instant::now() + STEP_TIMEOUT;
        let policies: Arc<[Arc<str>]> = Arc::new([format!("ceremonies/{}", held.record.number).into()]);
        Ok((Caller { principal, deadline, idempotency }, Permit { epoch, policies, rules: None }))
    }
}
