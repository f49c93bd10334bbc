//! What every role may do, compared completely with `golden/roles.txt`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fmt::Write as _;

use common::{principal, tenant};
use hufu_core::name::{KeyId, KeyName, TenantId};
use hufu_core::policy::{Action, AuthorizationRequest, PolicyEngine, Principal};
use hufu_core::record::Role;
use hufu_policy::RolePolicies;

const ROLES: [Role; 5] = [Role::Admin, Role::Operator, Role::Application, Role::Auditor, Role::Coordinator];
const HEADER: &str = "\
# Golden decisions of the roles: role, action, then the answer inside the caller's own tenant, a foreign tenant
# and the `system` tenant of the service. A change here is a change of who may do what: review it as such.
";

#[test]
fn decisions_are_the_golden_ones() {
    let mut decided = HEADER.to_owned();
    for role in ROLES {
        for action in Action::ALL {
            let [own, foreign, system] = ["own", "foreign", "system"].map(|name| decide(role, *action, name));
            writeln!(decided, "{:<12} {:<26} {own:<6} {foreign:<6} {system}", role.to_string(), action.name())
                .unwrap();
        }
    }
    let golden = include_str!("../golden/roles.txt");
    for (number, (want, have)) in golden.lines().zip(decided.lines()).enumerate() {
        assert_eq!(have, want, "golden/roles.txt, line {}", number + 1);
    }
    assert_eq!(decided.lines().count(), golden.lines().count());
}

#[test]
fn an_inactive_principal_may_do_nothing() {
    for role in ROLES {
        let principal = principal(role, &tenant("own"), false);
        for action in Action::ALL {
            assert!(!allowed(&principal, *action, &tenant("own"), None));
        }
    }
}

#[test]
fn nobody_reaches_the_system_tenant_from_inside() {
    for role in ROLES {
        let principal = principal(role, &tenant("system"), true);
        for action in Action::ALL {
            assert!(!allowed(&principal, *action, &tenant("system"), None));
        }
    }
}

#[test]
fn a_key_of_another_tenant_is_out_of_reach_under_the_own_tenants_name() {
    let admin = principal(Role::Admin, &tenant("own"), true);
    for key_tenant in ["foreign", "system"] {
        assert!(!allowed(&admin, Action::Sign, &tenant("own"), Some(tenant(key_tenant))));
    }
    assert!(allowed(&admin, Action::Sign, &tenant("own"), Some(tenant("own"))));
}

#[test]
fn a_permission_names_its_policy_and_a_default_denial_none() {
    let operator = principal(Role::Operator, &tenant("own"), true);
    let ask = |action| {
        let own = tenant("own");
        let request = AuthorizationRequest { principal: &operator, action, tenant: &own, key: None };
        RolePolicies::new().is_authorized(&request)
    };
    assert_eq!(ask(Action::CreateKey).policies.iter().map(|p| &**p).collect::<Vec<_>>(), ["role/operator"]);
    assert!(ask(Action::Sign).policies.is_empty());
}

fn decide(role: Role, action: Action, wanted: &str) -> &'static str {
    let principal = principal(role, &tenant("own"), true);
    let wanted = tenant(wanted);
    let answers = [None, Some(wanted.clone())].map(|key| allowed(&principal, action, &wanted, key));
    match answers {
        [true, true] => "allow",
        [false, false] => "deny",
        _ => "mixed",
    }
}

fn allowed(principal: &Principal, action: Action, tenant: &TenantId, key_tenant: Option<TenantId>) -> bool {
    let key = key_tenant.map(|tenant| KeyName { tenant, key: KeyId::parse("k").unwrap() });
    let request = AuthorizationRequest { principal, action, tenant, key: key.as_ref() };
    RolePolicies::new().is_authorized(&request).allowed
}
