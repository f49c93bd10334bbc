//! The life of a version, written down a second time, from SP 800-57pt1r5 §7 and the design.

use hufu_core::policy::Action;
use hufu_core::record::KeyState::{Active, Compromised, Deactivated, Destroyed, Destroying, PreActive, Suspended};
use hufu_core::record::{Locator, VersionRecord};
use hufu_verify::Event;

/// Whether an action uses a key.
pub(super) fn is_use(action: Action) -> bool {
    matches!(
        action,
        Action::Sign | Action::Verify | Action::Mac | Action::VerifyMac | Action::Encrypt | Action::Decrypt
    )
}

/// Whether an output of the version may be released.
pub(super) fn allows(action: Action, version: &VersionRecord) -> bool {
    let untouched = version.revocation.is_none() && version.destroy_at.is_none();
    match action {
        Action::Verify => true,
        Action::Sign | Action::Mac | Action::Encrypt => untouched && version.state == Active,
        Action::VerifyMac | Action::Decrypt => untouched && matches!(version.state, Active | Deactivated),
        _ => false,
    }
}

/// The ledger events of a new version; nothing when it cannot begin so.
pub(super) fn born(action: Action, new: &VersionRecord) -> Option<Vec<Event>> {
    let first = new.number.value() == 1;
    match (action, new.state) {
        (Action::CreateKey, PreActive) if first => Some(vec![Event::Register]),
        (Action::CreateKey, Active) if first => Some(vec![Event::Register, Event::Activate]),
        (Action::RotateKey, Active) if !first => Some(vec![Event::Register, Event::Activate]),
        _ => None,
    }
}

/// The ledger events of a change; nothing when it is not allowed.
pub(super) fn changed(
    action: Action,
    at: u64,
    is_target: bool,
    old: &VersionRecord,
    new: &VersionRecord,
) -> Option<Vec<Event>> {
    let superseded = matches!(action, Action::RotateKey | Action::ActivateVersion) && !is_target;
    if superseded {
        let legal = old.state == Active && new.state == Deactivated;
        return legal.then(|| vec![Event::Rotate]);
    }
    match (action, old.state, new.state) {
        (Action::ActivateVersion, PreActive, Active) => Some(vec![Event::Activate]),
        (Action::SuspendVersion, Active, Suspended) => Some(vec![Event::Suspend]),
        (Action::ResumeVersion, Suspended, Active) => Some(vec![Event::Resume]),
        // Another version has become primary meanwhile.
        (Action::ResumeVersion, Suspended, Deactivated) => Some(vec![Event::Resume, Event::Rotate]),
        (Action::RevokeVersion, before, after) => {
            let compromise = new.revocation?.reason.is_compromise();
            let expected = match (before, compromise) {
                (Destroying | Destroyed, true) => before,
                (Compromised | Destroying | Destroyed, _) => return None,
                (_, true) => Compromised,
                (_, false) => Deactivated,
            };
            let worse = old.revocation.is_none_or(|earlier| compromise && !earlier.reason.is_compromise());
            (after == expected && worse).then(|| vec![Event::Revoke])
        }
        (Action::ScheduleDestroy, PreActive | Deactivated | Compromised, after) => {
            let legal = after == old.state && old.destroy_at.is_none() && new.destroy_at.is_some_and(|due| due > at);
            legal.then(|| vec![Event::Policy])
        }
        (Action::CancelDestroy, before, after) => {
            let legal = before == after
                && !matches!(before, Destroying | Destroyed)
                && old.destroy_at.is_some()
                && new.destroy_at.is_none();
            legal.then(|| vec![Event::Policy])
        }
        (Action::Rewrap, _, _) => {
            let moved = VersionRecord { locator: new.locator.clone(), ..old.clone() };
            (moved == *new && old.locator != new.locator).then(Vec::new)
        }
        (Action::Destroy, PreActive | Deactivated | Compromised, Destroying) => {
            old.destroy_at.is_some_and(|due| due <= at).then(|| vec![Event::Policy])
        }
        (Action::Destroy, Destroying, Destroyed) => (new.locator == Locator::Gone).then(|| vec![Event::Destroy]),
        _ => None,
    }
}

/// Whether what must never change of a version has not.
pub(super) fn is_same_key(old: &VersionRecord, new: &VersionRecord) -> bool {
    let identity = |record: &VersionRecord| {
        let names = (record.name().row_id(), record.uid, record.ledger_id, record.public_key.clone());
        let usage = (record.algorithm, record.scheme, record.purpose, record.protection, record.digest_allowed);
        (names, usage, record.created_at)
    };
    identity(old) == identity(new)
}
