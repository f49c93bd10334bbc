//! The fixed roles.

use std::sync::Arc;

use hufu_core::policy::{Action, AuthorizationRequest, Decision, PolicyEngine, PolicyError, Principal};
use hufu_core::record::Role;

/// Reading keys and the public data of their versions.
const READ_KEYS: &[Action] = &[Action::GetKey, Action::ListKeys, Action::GetPublicKey];

/// The life of keys, from creation to destruction.
const MANAGE: &[Action] = &[
    Action::CreateKey,
    Action::UpdateKey,
    Action::RotateKey,
    Action::ActivateVersion,
    Action::SuspendVersion,
    Action::ResumeVersion,
    Action::RevokeVersion,
    Action::ScheduleDestroy,
    Action::CancelDestroy,
    Action::CreateImportJob,
    Action::ImportKey,
    Action::WrapKey,
    Action::UnwrapKey,
];

/// Material that leaves the service for good, wrapped for whoever holds the receiving key. Of the administrator alone.
const EXPORT: &[Action] = &[Action::ExportKey];

/// The wrapping key of the tenant, whose rotation ends in the destruction of the old one. Of the administrator alone.
const ROTATE_TENANT: &[Action] = &[Action::RotateTenantKey];

/// Cryptography with keys, and randomness.
const USE: &[Action] = &[
    Action::Sign,
    Action::Verify,
    Action::Encrypt,
    Action::Decrypt,
    Action::GenerateDataKey,
    Action::Mac,
    Action::VerifyMac,
    Action::GenerateRandom,
    Action::Encapsulate,
    Action::Decapsulate,
    Action::DeriveSharedSecret,
];

/// What everyone who is authenticated may read: proofs, which are public anyway, and the state of the service.
const READ_SERVICE: &[Action] = &[Action::ReadLedger, Action::ReadStatus, Action::ReadTenantKey];

/// The audit trail of the tenant.
const READ_AUDIT: &[Action] = &[Action::ReadAudit];

/// Ceremonies: who brings what custodians signed. What counts there is the custodians' own signatures.
const CEREMONIES: &[Action] = &[Action::ProposeCeremony, Action::DecideCeremony, Action::ExecuteCeremony];

/// Ceremonies of the tenant and of the deployment, and their transcripts.
const READ_CEREMONIES: &[Action] = &[Action::ReadCeremony];

/// Sealed shares to their custodians, and their confirmations back. Nobody but the custodian opens the one or signs the other.
const CARRY_SHARES: &[Action] = &[Action::CarryShare];

/// Share sets of the tenant, and who has confirmed.
const READ_SHARES: &[Action] = &[Action::ReadShareSet];

/// Keys that are deposited for recovery, and given back.
const DEPOSIT: &[Action] = &[Action::CreateDeposit, Action::RecoverDeposit];

/// Deposits, which are public but for what only custodians can open.
const READ_DEPOSITS: &[Action] = &[Action::ReadDeposit];

/// Deposits given up: what was deposited is lost if its owner has lost it. Of the administrator alone.
const GIVE_UP_DEPOSITS: &[Action] = &[Action::DeleteDeposit];

/// What a holder of shares does for whoever brings it requesters' mandates. What counts there are the requesters' own signatures.
const HOLD: &[Action] = &[Action::GenerateShare, Action::SignShare, Action::DestroyShare];

/// Who a holder is, and which shares it has.
const READ_HOLDER: &[Action] = &[Action::ReadHolder];

/// What each role is granted. What stands here nowhere is denied: the service's own actions above all.
const GRANTS: &[(Role, &str, &[&[Action]])] = &[
    (
        Role::Admin,
        "role/admin",
        &[
            READ_KEYS,
            MANAGE,
            EXPORT,
            ROTATE_TENANT,
            USE,
            READ_SERVICE,
            READ_AUDIT,
            CEREMONIES,
            READ_CEREMONIES,
            CARRY_SHARES,
            READ_SHARES,
            DEPOSIT,
            READ_DEPOSITS,
            GIVE_UP_DEPOSITS,
        ],
    ),
    (
        Role::Operator,
        "role/operator",
        &[READ_KEYS, MANAGE, READ_SERVICE, CEREMONIES, READ_CEREMONIES, CARRY_SHARES, READ_SHARES, READ_DEPOSITS],
    ),
    (Role::Application, "role/application", &[READ_KEYS, USE, READ_SERVICE, DEPOSIT, READ_DEPOSITS]),
    (
        Role::Auditor,
        "role/auditor",
        &[READ_KEYS, READ_SERVICE, READ_AUDIT, READ_CEREMONIES, READ_SHARES, READ_DEPOSITS, READ_HOLDER],
    ),
    (Role::Coordinator, "role/coordinator", &[HOLD, READ_HOLDER]),
];

/// Decides by the role of the principal, inside its own tenant alone.
///
/// Duties are separated: an operator manages keys and never uses them, an application uses keys and never manages them,
/// an auditor reads; a coordinator calls holders of shares and nothing else. An administrator may do all three within its tenant; give that role to few.
#[derive(Debug)]
pub struct RolePolicies {
    sets: Vec<RoleSet>,
    nothing: Arc<[Arc<str>]>,
}

#[derive(Debug)]
struct RoleSet {
    role: Role,
    allowed: u128,
    policies: Arc<[Arc<str>]>,
}

impl RolePolicies {
    /// The roles of this release.
    #[must_use]
    pub fn new() -> Self {
        let sets = GRANTS.iter().map(|(role, name, groups)| RoleSet::new(*role, name, groups)).collect();
        Self { sets, nothing: Arc::new([]) }
    }

    fn decide(&self, request: &AuthorizationRequest<'_>) -> Option<&RoleSet> {
        if !is_at_home(request) {
            return None;
        }
        let role = request.principal.record.role;
        self.sets.iter().find(|set| set.role == role && set.allows(request.action))
    }
}

impl Default for RolePolicies {
    fn default() -> Self {
        Self::new()
    }
}

impl RoleSet {
    fn new(role: Role, name: &str, groups: &[&[Action]]) -> Self {
        let allowed = groups.iter().flat_map(|group| group.iter()).fold(0, |set, action| set | bit(*action));
        Self { role, allowed, policies: Arc::new([name.into()]) }
    }

    fn allows(&self, action: Action) -> bool {
        self.allowed & bit(action) != 0
    }
}

impl PolicyEngine for RolePolicies {
    fn is_authorized(&self, request: &AuthorizationRequest<'_>) -> Decision {
        match self.decide(request) {
            Some(set) => Decision { allowed: true, policies: set.policies.clone() },
            None => Decision { allowed: false, policies: self.nothing.clone() },
        }
    }

    fn validate(&self) -> Result<(), PolicyError> {
        for set in &self.sets {
            if let Some(action) =
                Action::ALL.iter().find(|action| is_of_the_service(**action) && set.allows(**action))
            {
                return Err(PolicyError(format!("role `{}` is granted the service's own `{action}`", set.role)));
            }
        }
        Ok(())
    }

    fn revision(&self) -> u64 {
        0
    }
}

/// Whether it is an action of the service itself, which no caller may ask for.
fn is_of_the_service(action: Action) -> bool {
    action.name().starts_with("service.")
}

/// Whether an active principal asks for something in its own tenant, which is not the service's.
fn is_at_home(request: &AuthorizationRequest<'_>) -> bool {
    let Principal { record, .. } = request.principal;
    record.active
        && !request.tenant.is_system()
        && record.tenant == *request.tenant
        && request.key.is_none_or(|key| key.tenant == *request.tenant)
}

/// The action's place in a set. Enough for 128 actions; a test counts them.
fn bit(action: Action) -> u128 {
    1 << (action as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_bit_of_its_own() {
        let all = Action::ALL.iter().fold(0, |set, action| set | bit(*action));
        assert_eq!(all.count_ones() as usize, Action::ALL.len());
    }

    #[test]
    fn every_action_is_granted_to_someone_or_belongs_to_the_service() {
        let roles = RolePolicies::new();
        for action in Action::ALL {
            let granted = roles.sets.iter().any(|set| set.allows(*action));
            assert_ne!(granted, is_of_the_service(*action), "{action}");
        }
        assert_eq!(roles.validate(), Ok(()));
    }

    #[test]
    fn a_set_that_grants_a_service_action_is_refused() {
        let mut roles = RolePolicies::new();
        roles.sets[0].allowed |= bit(Action::Destroy);
        assert!(roles.validate().unwrap_err().to_string().contains("service.destroy"));
    }
}
