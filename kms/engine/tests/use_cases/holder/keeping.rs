//! What a holder keeps: shares over restarts, their end, and what becomes of a database that was changed.

use std::collections::HashSet;

use hufu_core::changeset::Collection;
use hufu_core::name::VersionName;
use hufu_core::record::{HolderShare, Record as _, WrappingKeyId, WrappingKeyRecord, WrappingKeyUse};
use hufu_core::{Error, Reason};
use hufu_engine::api::PageRequest;
use hufu_frost::{GenerationMandate, Group, Mandate, Progress, Refusal, Refused, SigningRequest, Suite};

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
fn share_is_destroyed_only_if_the_holder_lets_it_be_and_its_mandate_makes_no_other() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let digest = group.digest().0;
    assert_eq!(rule(destroy(&mut field, 0, digest)), (Reason::HolderRefused, Some("may-not-destroy")));
    allow_destruction(&mut field);
    assert_eq!(destroy(&mut field, 0, [0; 32]).unwrap_err().reason(), Reason::VersionNotFound);
    field.worlds[0].site.store.set_available(false);
    assert_eq!(destroy(&mut field, 0, digest).unwrap_err().reason(), Reason::StorageUnavailable);
    field.worlds[0].site.store.set_available(true);
    assert_eq!(refusal_to_commit(&mut field, &group), None, "what was not destroyed signs");
    destroy(&mut field, 0, digest).unwrap();
    destroy(&mut field, 0, digest).unwrap();
    let same = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519)).to_bytes();
    for restarted in [false, true] {
        assert_eq!(refusal_to_commit(&mut field, &group), Some(Refusal::UnknownKey), "{restarted}");
        assert_eq!(rule(field.begin(0, &same)), (Reason::HolderRefused, Some("mandate-used")));
        let page = PageRequest { size: 10, token: String::new() };
        let listed = field.call(0, async |server, caller| server.engine.list_shares(&caller, page).await);
        assert!(listed.unwrap().items.is_empty());
        field.restart(0);
    }
    let unknown: VersionName = "tenants/t/keys/k/versions/9".parse().unwrap();
    let missing = field.call(0, async |server, caller| server.engine.destroy_share(&caller, &unknown, &digest).await);
    assert_eq!(missing.unwrap_err().reason(), Reason::VersionNotFound);
}

/// Makes the same version once more, under a mandate of its own; the holders up to `kept` keep their shares.
fn generate_again(field: &mut Field, seed: u8, kept: usize) -> Option<Group> {
    let mandate = GenerationMandate { seed: [seed; 32], ..field.mandate_to_generate(1, Suite::Ed25519) };
    let mandate = signed_by(&field.wallet, mandate);
    let outcomes = field.rounds(&mandate, |_, _, message| message).unwrap();
    let finish = |at| field.finish(at, mandate.set_id(), outcomes.clone()).unwrap();
    let shares: Vec<_> = (0..kept).map(finish).collect();
    shares.first().map(|share| Group::from_bytes(&share.group).unwrap())
}

#[test]
fn generation_that_was_cut_off_is_begun_anew_under_the_same_version_and_its_share_signs_for_nobody_else() {
    let mut field = Field::new();
    // The coordinator dies when one of three has kept its share; whatever the holders have in memory may go too.
    let abandoned = generate_again(&mut field, 8, 1).unwrap();
    for at in 0..NAMES.len() {
        field.restart(at);
    }
    let group = generate_again(&mut field, 9, NAMES.len()).unwrap();
    assert_ne!(abandoned.public_key_digest(), group.public_key_digest());
    assert_eq!([0, 1, 2].map(|at| rows(&field.worlds[at])["shares"]), [2, 1, 1]);
    for restarted in [false, true] {
        let seed = if restarted { [3; 32] } else { [2; 32] };
        let mandate = allowed_by(&field.wallet, Mandate { seed, ..field.mandate(&group, 1) });
        let (progress, _) = field.signature(&group, mandate, |_, _| ());
        let Progress::Signed(signature) = progress else { panic!("{progress:?}") };
        assert!(super::field::foreign_verifies(&group, &signature));
        field.restart(0);
    }
    // Both are told; each is destroyed by its own group, and the other stays.
    let page = |token: String| PageRequest { size: 1, token };
    let mut token = String::new();
    for _ in 0..2 {
        let listed = field.call(0, async |server, caller| server.engine.list_shares(&caller, page(token)).await);
        let listed = listed.unwrap();
        assert_eq!(listed.items[0].key_version, name().to_string());
        token = listed.next;
    }
    allow_destruction(&mut field);
    destroy(&mut field, 0, abandoned.digest().0).unwrap();
    assert_eq!(refusal_to_commit(&mut field, &abandoned), Some(Refusal::OtherPublicKey));
    assert_eq!(refusal_to_commit(&mut field, &group), None);
    destroy(&mut field, 0, group.digest().0).unwrap();
    assert_eq!(refusal_to_commit(&mut field, &group), Some(Refusal::UnknownKey));
}

fn row_id(group: &Group, version: u32) -> String {
    format!("tenants/t/keys/k/versions/{version}/{}", group.public_key_digest())
}

#[test]
fn share_at_rest_is_wrapped_and_tied_to_what_it_is() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    field.generate(2, Suite::Ed25519);
    let id = row_id(&group, 1);
    // Any change of the row, and the row of the one version in place of the other's.
    for how in 0..2 {
        field.worlds[0].site.store.tamper(|state| {
            let shares = state.rows.get_mut(&Collection::HolderShare).unwrap();
            let second = shares.values().find(|row| row.id != id).unwrap().clone();
            let first = shares.get_mut(&id).unwrap();
            match how {
                0 => first.body[60] ^= 1,
                _ => first.body = second.body,
            }
        });
        field.restart(0);
        let locked = field.worlds[0].server.alarms.is_raised("quarantine", &format!("shares/{id}"));
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

/// The keys that the first holder wraps shares under, which must be the only ones of that use.
fn wrapping_keys(field: &Field) -> HashSet<WrappingKeyId> {
    let rows = field.worlds[0].site.store.snapshot().rows;
    let shares = rows[&Collection::HolderShare].values().map(|row| HolderShare::from_row(row).unwrap());
    let under: HashSet<_> = shares.map(|share| share.wrapping_key).collect();
    let keys = rows[&Collection::WrappingKey].values().map(|row| WrappingKeyRecord::from_row(row).unwrap());
    let there: HashSet<_> = keys.filter(|key| key.usage == WrappingKeyUse::HolderShare).map(|key| key.id).collect();
    assert_eq!(under, there);
    there
}

fn rotate(field: &mut Field) -> Result<hufu_engine::api::ShareKeyRotation, Error> {
    field.call(0, async |server, _| server.engine.rotate_share_key().await)
}

#[test]
fn shares_come_under_a_new_key_and_the_old_one_is_destroyed() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let other = field.generate(2, Suite::Bip340);
    let before = wrapping_keys(&field);
    let told = rotate(&mut field).unwrap();
    assert_eq!((told.moved, told.left), (2, 0));
    let after = wrapping_keys(&field);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);
    // What is made from now on is under it too, and all of it opens after a restart.
    let third = field.generate(3, Suite::Ed25519);
    field.restart(0);
    for (group, version, seed) in [(&group, 1, 4), (&other, 2, 5), (&third, 3, 6)] {
        let mandate = allowed_by(&field.wallet, Mandate { seed: [seed; 32], ..field.mandate(group, version) });
        let (progress, _) = field.signature(group, mandate, |_, _| ());
        let Progress::Signed(signature) = progress else { panic!("{progress:?}") };
        assert!(super::field::foreign_verifies(group, &signature));
    }
    assert_eq!(wrapping_keys(&field), after);
}

#[test]
fn rotation_that_is_cut_off_is_ended_by_the_next_start() {
    // The process ends after each commit of it in turn, until it runs through.
    for commits in 0.. {
        let mut field = Field::new();
        let group = field.generate(1, Suite::Ed25519);
        field.generate(2, Suite::Ed25519);
        let before = wrapping_keys(&field);
        let rotated = field.worlds[0].run_cut(commits, async |server| server.engine.rotate_share_key().await);
        field.restart(0);
        let after = wrapping_keys(&field);
        assert_eq!((after.len(), after == before), (1, commits == 0), "{commits}");
        assert_eq!(refusal_to_commit(&mut field, &group), None, "{commits}");
        if let Some(rotated) = rotated {
            assert!(rotated.is_ok() && commits >= 3, "a new key, the shares, the end of the old key: {commits}");
            return;
        }
    }
}

#[test]
fn share_from_before_a_rotation_that_is_put_back_is_locked() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let id = row_id(&group, 1);
    let old = field.worlds[0].site.store.snapshot().rows[&Collection::HolderShare][&id].clone();
    rotate(&mut field).unwrap();
    field.worlds[0].site.store.tamper(|state| {
        state.rows.get_mut(&Collection::HolderShare).unwrap().insert(id.clone(), old);
    });
    field.restart(0);
    assert!(field.worlds[0].server.alarms.is_raised("quarantine", &format!("shares/{id}")));
    assert_eq!(refusal_to_commit(&mut field, &group), Some(Refusal::UnknownKey));
}

#[test]
fn operator_discards_the_share_of_a_generation_that_came_to_nothing() {
    let mut field = Field::new();
    let abandoned = generate_again(&mut field, 8, 1).unwrap();
    let group = generate_again(&mut field, 9, NAMES.len()).unwrap();
    let listed = field.call(0, async |server, _| server.engine.shares_kept().await).unwrap();
    let mut keys: Vec<_> = listed.iter().map(|share| share.public_key.unwrap()).collect();
    keys.sort_unstable();
    let mut both = [abandoned.public_key_digest().0, group.public_key_digest().0];
    both.sort_unstable();
    assert_eq!(keys, both);
    let discard = |field: &mut Field, public_key: [u8; 32]| {
        field.call(0, async |server, _| server.engine.discard_share(&name(), &public_key).await)
    };
    assert_eq!(discard(&mut field, [0; 32]).unwrap_err().reason(), Reason::VersionNotFound);
    discard(&mut field, abandoned.public_key_digest().0).unwrap();
    assert_eq!(refusal_to_commit(&mut field, &abandoned), Some(Refusal::OtherPublicKey));
    assert_eq!(refusal_to_commit(&mut field, &group), None);
    let told = field.trail(0).into_iter().find_map(|entry| entry.detail.filter(|text| text.starts_with("discarded")));
    assert!(told.unwrap().contains(&abandoned.public_key_digest().to_string()));
}
