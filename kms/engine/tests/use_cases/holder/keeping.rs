//! What a holder keeps: shares over restarts, their end, and what becomes of a database that was changed.

use hufu_core::changeset::Collection;
use hufu_core::name::VersionName;
use hufu_core::{Error, Reason};
use hufu_engine::api::PageRequest;
use hufu_frost::{Group, Progress, Refusal, Refused, SigningRequest, Suite};

use super::field::{Field, NAMES, allowed_by, rows, rule, signed_by};

fn name() -> VersionName {
    "tenants/t/keys/k/versions/1".parse().unwrap()
}

fn destroy(field: &mut Field, at: usize, group: [u8; 32]) -> Result<(), Error> {
    field.call(at, async |server, caller| server.engine.destroy_share(&caller, &name(), &group).await)
}

fn refusal_to_commit(field: &mut Field, group: &Group) -> Option<Refusal> {
    let mandate = allowed_by(&field.wallet, field.mandate(group, 1));
    let answer = field.commit(0, &SigningRequest::new(mandate, 0).to_bytes()).unwrap();
    Refused::from_bytes(&answer).ok().map(|refused| refused.reason)
}

fn allow_destruction(field: &mut Field) {
    for at in 0..NAMES.len() {
        let mut setup = field.setup(at);
        setup.policy.coordinator_may_destroy = true;
        field.worlds[at].site.holder = Some(setup);
        field.restart(at);
    }
}

#[test]
fn shares_sign_after_a_restart() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Bip340);
    for at in 0..NAMES.len() {
        field.restart(at);
    }
    let mandate = allowed_by(&field.wallet, field.mandate(&group, 1));
    let (progress, _) = field.signature(&group, mandate, |_, _| ());
    assert!(matches!(progress, Progress::Signed(_)), "{progress:?}");
}

#[test]
fn share_is_destroyed_only_if_the_holder_lets_it_be_and_its_version_stays_taken() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let digest = group.digest().0;
    assert_eq!(rule(destroy(&mut field, 0, digest)), (Reason::HolderRefused, Some("may-not-destroy")));
    allow_destruction(&mut field);
    assert_eq!(rule(destroy(&mut field, 0, [0; 32])), (Reason::HolderRefused, Some("other-group")));
    field.worlds[0].site.store.set_available(false);
    assert_eq!(destroy(&mut field, 0, digest).unwrap_err().reason(), Reason::StorageUnavailable);
    field.worlds[0].site.store.set_available(true);
    assert_eq!(refusal_to_commit(&mut field, &group), None, "what was not destroyed signs");
    destroy(&mut field, 0, digest).unwrap();
    destroy(&mut field, 0, digest).unwrap();
    let other = hufu_frost::GenerationMandate { seed: [7; 32], ..field.mandate_to_generate(1, Suite::Ed25519) };
    let other = signed_by(&field.wallet, other).to_bytes();
    for restarted in [false, true] {
        assert_eq!(refusal_to_commit(&mut field, &group), Some(Refusal::UnknownKey), "{restarted}");
        assert_eq!(rule(field.begin(0, &other)), (Reason::HolderRefused, Some("key-version-taken")));
        let page = PageRequest { size: 10, token: String::new() };
        let listed = field.call(0, async |server, caller| server.engine.list_shares(&caller, page).await);
        assert!(listed.unwrap().items.is_empty());
        field.restart(0);
    }
    let unknown: VersionName = "tenants/t/keys/k/versions/9".parse().unwrap();
    let missing = field.call(0, async |server, caller| server.engine.destroy_share(&caller, &unknown, &digest).await);
    assert_eq!(missing.unwrap_err().reason(), Reason::VersionNotFound);
}

#[test]
fn share_at_rest_is_wrapped_and_tied_to_what_it_is() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    field.generate(2, Suite::Ed25519);
    // Any change of the row, and the row of the one version in place of the other's.
    for how in 0..2 {
        field.worlds[0].site.store.tamper(|state| {
            let shares = state.rows.get_mut(&Collection::HolderShare).unwrap();
            let second = shares["tenants/t/keys/k/versions/2"].clone();
            let first = shares.get_mut("tenants/t/keys/k/versions/1").unwrap();
            match how {
                0 => first.body[60] ^= 1,
                _ => first.body = second.body,
            }
        });
        field.restart(0);
        let locked = field.worlds[0].server.alarms.is_raised("quarantine", "shares/tenants/t/keys/k/versions/1");
        assert!(locked, "{how}");
        assert_eq!(refusal_to_commit(&mut field, &group), Some(Refusal::UnknownKey));
        let other = hufu_frost::GenerationMandate { seed: [7; 32], ..field.mandate_to_generate(1, Suite::Ed25519) };
        let other = signed_by(&field.wallet, other).to_bytes();
        assert_eq!(rule(field.begin(0, &other)), (Reason::HolderRefused, Some("key-version-taken")));
    }
}

#[test]
fn holder_does_not_start_on_sessions_or_a_clock_that_were_changed() {
    for (collection, id) in [(Collection::HolderSession, None), (Collection::Meta, Some("holder-clock"))] {
        let mut field = Field::new();
        let group = field.generate(1, Suite::Ed25519);
        let mandate = allowed_by(&field.wallet, field.mandate(&group, 1));
        let (progress, _) = field.signature(&group, mandate, |_, _| ());
        assert!(matches!(progress, Progress::Signed(_)));
        assert_eq!(rows(&field.worlds[0])["sessions"], 1);
        field.worlds[0].site.store.tamper(|state| {
            let rows = state.rows.get_mut(&collection).unwrap();
            let row = rows.values_mut().find(|row| id.is_none_or(|id| row.id == id)).unwrap();
            *row.body.last_mut().unwrap() ^= 1;
        });
        let refused = field.worlds[0].try_restart().unwrap_err();
        assert!(refused.contains("not as"), "{refused}");
    }
}

#[test]
fn share_that_cannot_be_kept_is_kept_when_it_can() {
    let mut field = Field::new();
    let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
    let outcomes = field.rounds(&mandate, |_, _, message| message).unwrap();
    field.worlds[0].site.store.set_available(false);
    let failed = field.finish(0, mandate.set_id(), outcomes.clone()).unwrap_err().reason();
    // The wrapping key is read from the database too.
    assert!([Reason::BackendUnavailable, Reason::StorageUnavailable].contains(&failed), "{failed:?}");
    field.worlds[0].site.store.set_available(true);
    assert!(field.finish(0, mandate.set_id(), outcomes).is_ok());
    assert_eq!(rows(&field.worlds[0])["shares"], 1);
}
