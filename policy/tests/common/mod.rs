//! Principals for tests.

use std::sync::Arc;

use hufu_core::changeset::Subject;
use hufu_core::name::{PrincipalId, TenantId};
use hufu_core::policy::Principal;
use hufu_core::record::{PrincipalRecord, Role};

/// A principal of that role and tenant, as of epoch 1.
pub(crate) fn principal(role: Role, tenant: &TenantId, active: bool) -> Principal {
    let record = PrincipalRecord {
        id: PrincipalId::parse("someone").unwrap(),
        tenant: tenant.clone(),
        role,
        active,
        pin: [7; 32],
        created_at: 0,
    };
    let subject = Subject::new(&PrincipalRecord::row_id(&record.pin));
    let label = format!("tenants/{tenant}/principals/someone").into();
    Principal { record: Arc::new(record), subject, label, epoch: 1 }
}

/// A tenant's id.
pub(crate) fn tenant(text: &str) -> TenantId {
    TenantId::parse(text).unwrap()
}
