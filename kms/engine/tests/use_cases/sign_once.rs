//! Signatures under a request id: one for an id, whatever is lost on the way.

use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::revocation::RevocationReason;
use hufu_core::{Error, Reason};
use hufu_engine::api::{Change, Idempotency};

use crate::common::hazards::CallFault;
use crate::common::world::{ALICE, World};
use crate::requests::{create, primary, reason, sign_with, version};

const SIGN: Idempotency = Idempotency { request_id: [9; 16], method: "Sign", body: [1; 32] };

/// A world with a key whose signatures all differ, and one whose signatures do not.
fn world() -> World {
    let mut world = World::new();
    for (id, algorithm) in [("hedged", Algorithm::MlDsa44), ("plain", Algorithm::Ed25519)] {
        let request = create(ALICE, id, algorithm);
        world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    }
    world
}

fn sign(world: &mut World, id: &str, request: Idempotency) -> Result<Vec<u8>, Error> {
    let selector = primary(id);
    let signed = world.call_once(ALICE, request, async |server, caller| sign_with(server, &caller, &selector).await);
    signed.map(|signed| signed.signature)
}

#[test]
fn a_repetition_brings_the_same_signature() {
    let mut world = world();
    let first = sign(&mut world, "hedged", SIGN).unwrap();
    assert_ne!(first, world.sign(&primary("hedged")).unwrap().signature, "each signature of this key is another");
    assert_eq!(sign(&mut world, "hedged", SIGN).unwrap(), first);
    world.restart();
    assert_eq!(sign(&mut world, "hedged", SIGN).unwrap(), first, "a restart forgets nothing");
    assert_ne!(sign(&mut world, "hedged", Idempotency { request_id: [8; 16], ..SIGN }).unwrap(), first);
    let other = Idempotency { body: [2; 32], ..SIGN };
    assert_eq!(reason(sign(&mut world, "hedged", other)), Reason::RequestIdReused);
}

#[test]
fn what_may_have_been_signed_is_not_signed_again() {
    for fault in [CallFault::Before, CallFault::After, CallFault::Hang { effect: true }] {
        let mut world = world();
        world.site.hazards.strike(fault);
        let failed = reason(sign(&mut world, "hedged", SIGN));
        assert!(matches!(failed, Reason::BackendUnavailable | Reason::DeadlineExceeded), "{failed:?}");
        assert_eq!(reason(sign(&mut world, "hedged", SIGN)), Reason::OutcomeUnknown);
        world.restart();
        assert_eq!(reason(sign(&mut world, "hedged", SIGN)), Reason::OutcomeUnknown);
        // The second one could not differ from the first.
        world.site.hazards.strike(fault);
        sign(&mut world, "plain", Idempotency { request_id: [8; 16], ..SIGN }).unwrap_err();
        sign(&mut world, "plain", Idempotency { request_id: [8; 16], ..SIGN }).unwrap();
    }
}

#[test]
fn what_was_certainly_not_signed_may_be_tried_again() {
    let mut world = world();
    world.site.hazards.strike(CallFault::Overloaded);
    assert_eq!(reason(sign(&mut world, "hedged", SIGN)), Reason::Overloaded);
    assert_eq!(world.rows(Collection::Request), 0);
    sign(&mut world, "hedged", SIGN).unwrap();
}

#[test]
fn two_at_once_make_one_signature() {
    let mut world = world();
    let selector = primary("hedged");
    let (one, other) = world.call_once(ALICE, SIGN, async |server, caller| {
        tokio::join!(sign_with(server, &caller, &selector), sign_with(server, &caller, &selector))
    });
    let made = [one, other].into_iter().filter_map(Result::ok).map(|signed| signed.signature).collect::<Vec<_>>();
    assert_eq!(made, [sign(&mut world, "hedged", SIGN).unwrap()], "and the other was told so");
}

#[test]
fn a_rotated_or_revoked_version_gives_nothing_out_again() {
    for revokes in [false, true] {
        let mut world = world();
        sign(&mut world, "hedged", SIGN).unwrap();
        if revokes {
            let change = Change::Revoke { reason: RevocationReason::KeyCompromise, compromised_at: None };
            world.change(version("hedged", 1), change).unwrap();
        } else {
            world.rotate("hedged", None).unwrap();
        }
        assert_eq!(reason(sign(&mut world, "hedged", SIGN)), Reason::WrongState);
    }
}
