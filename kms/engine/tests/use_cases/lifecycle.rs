//! The life of keys through the interface: what each state allows, and who makes way for whom.

use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::record::KeyState;
use hufu_core::revocation::RevocationReason;
use hufu_engine::api::{Change, CreateKey, Input, SignatureFormat, UpdateKey};

use crate::common::world::{ALICE, BOB, World};
use crate::requests::{COMPROMISE, REVOKE, create, key, numbered, primary, reason, version};

const SOON: Change = Change::ScheduleDestroy { after_ms: 1_000 };

#[test]
fn a_version_goes_from_birth_to_destruction() {
    let mut world = World::new();
    let request = CreateKey { activate: false, ..create(ALICE, "k", Algorithm::Ed25519) };
    let made = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    let (name, uid) = (version("k", 1), made.latest.record.uid);
    assert_eq!(made.latest.record.state, KeyState::PreActive);
    assert_eq!(made.key.record.primary, None);
    assert_eq!(reason(world.sign(&primary("k"))), Reason::WrongState);

    let active = world.change(name.clone(), Change::Activate).unwrap();
    assert_eq!(active.version.record.state, KeyState::Active);
    world.sign(&primary("k")).unwrap();
    assert_eq!(reason(world.change(name.clone(), SOON)), Reason::WrongState, "an active version is in use");

    world.change(name.clone(), Change::Suspend).unwrap();
    let refused = world.sign(&primary("k")).unwrap_err();
    assert_eq!(refused.reason(), Reason::WrongState);
    assert!(refused.advice().unwrap().starts_with("resume it, if it is the primary version"), "{refused:?}");
    world.change(name.clone(), Change::Resume).unwrap();
    world.sign(&primary("k")).unwrap();

    world.change(name.clone(), REVOKE).unwrap();
    assert_eq!(world.state(&name), KeyState::Deactivated);
    assert_eq!(reason(world.sign(&numbered("k", 1))), Reason::WrongState);

    world.change(name.clone(), SOON).unwrap();
    world.reconcile();
    assert!(world.holds(uid), "it is not due yet");
    world.site.time.advance(1_001);
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Destroyed);
    assert!(!world.holds(uid));
    assert_eq!(world.rows(Collection::Intent), 0);

    // A destroyed key can still be reported as compromised, and stays destroyed.
    let told = world.change(name.clone(), COMPROMISE).unwrap();
    assert_eq!(told.version.record.state, KeyState::Destroyed);
    assert!(told.version.record.revocation.unwrap().reason.is_compromise());
    assert_eq!(reason(world.change(name, COMPROMISE)), Reason::WrongState);
}

#[test]
fn rotation_retires_the_primary_version_which_keeps_verifying() {
    let mut world = World::new();
    world.signing_key("k");
    let old = world.sign(&primary("k")).unwrap();
    let rotated = world.rotate("k", None).unwrap();
    assert_eq!(rotated.latest.record.number.value(), 2);
    assert_eq!(rotated.key.record.primary, Some(rotated.latest.record.number));
    assert_eq!(world.state(&version("k", 1)), KeyState::Deactivated);
    assert_eq!(reason(world.sign(&numbered("k", 1))), Reason::WrongState);
    assert_eq!(world.sign(&primary("k")).unwrap().version.record.number.value(), 2);
    let verified = world.call(ALICE, async |server, caller| {
        let input = Input::Message(b"message".to_vec());
        server.engine.verify(&caller, &primary("k"), input, &old.signature, SignatureFormat::Raw).await
    });
    let verified = verified.unwrap();
    assert!(verified.valid);
    assert_eq!(verified.version.record.number.value(), 1);
}

#[test]
fn rotation_does_not_reopen_a_suspended_version_and_resuming_it_does_not_make_it_protect() {
    let mut world = World::new();
    world.signing_key("k");
    world.change(version("k", 1), Change::Suspend).unwrap();
    world.rotate("k", None).unwrap();
    assert_eq!(world.state(&version("k", 1)), KeyState::Suspended);
    let resumed = world.change(version("k", 1), Change::Resume).unwrap();
    assert_eq!(resumed.version.record.state, KeyState::Deactivated, "another one is primary");
    assert_eq!(reason(world.sign(&numbered("k", 1))), Reason::WrongState);
}

#[test]
fn a_revocation_only_ever_gets_worse() {
    let mut world = World::new();
    world.signing_key("k");
    let name = version("k", 1);
    world.change(name.clone(), REVOKE).unwrap();
    assert_eq!(reason(world.change(name.clone(), REVOKE)), Reason::WrongState);
    world.change(name.clone(), COMPROMISE).unwrap();
    assert_eq!(world.state(&name), KeyState::Compromised);
    assert_eq!(reason(world.change(name.clone(), REVOKE)), Reason::WrongState);
    for change in [Change::Activate, Change::Suspend, Change::Resume] {
        assert_eq!(reason(world.change(name.clone(), change)), Reason::WrongState);
    }
}

#[test]
fn times_of_compromise_are_checked() {
    let mut world = World::new();
    world.signing_key("k");
    let claims = [(RevocationReason::Superseded, 1), (RevocationReason::KeyCompromise, u64::MAX)];
    for (reason_given, at) in claims {
        let change = Change::Revoke { reason: reason_given, compromised_at: Some(at) };
        let refused = world.change(version("k", 1), change).unwrap_err();
        assert_eq!((refused.reason(), refused.at_field()), (Reason::InvalidArgument, Some("compromise_time")));
    }
    assert_eq!(world.state(&version("k", 1)), KeyState::Active);
}

#[test]
fn destruction_waits_and_can_be_taken_back() {
    let mut world = World::new();
    world.signing_key("k");
    world.rotate("k", None).unwrap();
    let name = version("k", 1);
    assert_eq!(
        reason(world.change(name.clone(), Change::ScheduleDestroy { after_ms: 999 })),
        Reason::InvalidArgument,
        "shorter than the least delay"
    );
    let scheduled = world.change(name.clone(), SOON).unwrap();
    assert!(scheduled.version.record.destroy_at.is_some());
    assert_eq!(reason(world.change(name.clone(), SOON)), Reason::WrongState);
    world.change(name.clone(), Change::CancelDestroy).unwrap();
    assert_eq!(reason(world.change(name.clone(), Change::CancelDestroy)), Reason::WrongState);
    world.site.time.advance(5_000);
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Deactivated);
}

#[test]
fn a_stale_etag_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let made = world.signing_key("k");
    let name = version("k", 1);
    let (key_etag, etag) = (made.key.revision, made.latest.revision);
    world.change_if(name.clone(), Change::Suspend, Some(etag)).unwrap();
    assert_eq!(reason(world.change_if(name.clone(), Change::Resume, Some(etag))), Reason::EtagMismatch);
    assert_eq!(world.state(&name), KeyState::Suspended);

    world.rotate("k", Some(key_etag)).unwrap();
    assert_eq!(reason(world.rotate("k", Some(key_etag))), Reason::EtagMismatch);
    let update = |etag| UpdateKey {
        name: key(ALICE, "k"),
        etag,
        labels: None,
        description: Some("new".to_owned()),
        rotation_period_ms: None,
    };
    let stale = update(Some(key_etag));
    let refused = world.call(ALICE, async |server, caller| server.engine.update_key(&caller, stale).await);
    assert_eq!(reason(refused), Reason::EtagMismatch);
    let updated = world.call(ALICE, async |server, caller| server.engine.update_key(&caller, update(None)).await);
    assert_eq!(updated.unwrap().key.record.description, "new");
}

#[test]
fn what_is_missing_and_what_is_another_tenants_is_refused() {
    let mut world = World::new();
    world.signing_key("k");
    assert_eq!(reason(world.version(&version("none", 1))), Reason::KeyNotFound);
    assert_eq!(reason(world.version(&version("k", 2))), Reason::VersionNotFound);
    let name = key(ALICE, "k");
    let strange = world.call(BOB, async |server, caller| server.engine.key(&caller, &name).await);
    assert_eq!(reason(strange), Reason::PermissionDenied);
    let again = create(ALICE, "k", Algorithm::Ed25519);
    let again = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, again).await);
    assert_eq!(reason(again), Reason::AlreadyExists);
    let unable = create(ALICE, "r", Algorithm::Rsa3072);
    let unable = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, unable).await);
    assert_eq!(reason(unable), Reason::UnsupportedByBackend, "never another protection in silence");
}

#[test]
fn an_abandoned_intent_is_withdrawn_with_its_object() {
    let mut world = World::new();
    // At its start the only server settles every intent: all of them are of the dead.
    world.reconcile();
    let before = world.site.token.uids().len();
    world.abandon_creation(create(ALICE, "k", Algorithm::Ed25519));
    assert_eq!(world.rows(Collection::Intent), 1);
    assert_eq!(world.site.token.uids().len(), before + 1);
    world.reconcile();
    assert_eq!(world.rows(Collection::Intent), 1, "its creator may still be at work");
    world.site.time.advance(120_001);
    world.reconcile();
    assert_eq!((world.rows(Collection::Intent), world.site.token.uids().len()), (0, before));
}
