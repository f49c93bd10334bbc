//! Shared secrets: made, recovered, recorded, and withheld like every output.

use futures_util::future::join;
use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::audit::AuditOutcome;
use hufu_core::policy::Action;
use hufu_engine::api::{AuditFilter, PageRequest, VersionChange};

use crate::common::world::{ALICE, BOB, World};
use crate::requests::{COMPROMISE, REVOKE, create, numbered, primary, reason, version};

fn world() -> World {
    let mut world = World::new();
    let request = create(ALICE, "k", Algorithm::MlKem768);
    world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    world
}

fn of_key() -> AuditFilter {
    let key = Some(primary("k").key);
    AuditFilter {
        tenant: ALICE.tenant(),
        key,
        principal: None,
        action: None,
        outcome: None,
        from_ms: None,
        until_ms: None,
    }
}

#[test]
fn both_sides_hold_one_secret_and_the_trail_tells_of_it() {
    let mut world = world();
    let made = world.call(ALICE, async |server, caller| server.engine.encapsulate(&caller, &primary("k")).await);
    let made = made.unwrap();
    let found = world.call(ALICE, async |server, caller| {
        server.engine.decapsulate(&caller, &primary("k"), &made.ciphertext).await
    });
    assert_eq!(found.unwrap().secret, made.secret);
    let records = world.call(ALICE, async |server, caller| {
        server.engine.list_audit(&caller, &of_key(), PageRequest::default()).await
    });
    let records = records.unwrap().items;
    for (action, has_input) in [(Action::Encapsulate, false), (Action::Decapsulate, true)] {
        let record = records.iter().find(|item| item.entry.action == action).unwrap();
        assert_eq!(record.entry.outcome, AuditOutcome::Done);
        assert_eq!(record.entry.input_mac.is_some(), has_input);
        assert!(record.entry.scheme.is_some());
    }
}

#[test]
fn a_secret_is_withheld_when_the_version_was_revoked_meanwhile() {
    for change in [REVOKE, COMPROMISE] {
        let mut world = world();
        let request = || VersionChange { name: version("k", 1), etag: None, change };
        let (revoked, made) = world.call(ALICE, async |server, caller| {
            join(server.engine.change_version(&caller, request()), server.engine.encapsulate(&caller, &primary("k")))
                .await
        });
        revoked.unwrap();
        assert_eq!(reason(made), Reason::RevokedMeanwhile);

        let mut world = self::world();
        let (revoked, found) = world.call(ALICE, async |server, caller| {
            join(
                server.engine.change_version(&caller, request()),
                server.engine.decapsulate(&caller, &primary("k"), &[7; 1088]),
            )
            .await
        });
        revoked.unwrap();
        assert_eq!(reason(found), Reason::RevokedMeanwhile);
    }
}

#[test]
fn a_rotated_version_recovers_and_makes_no_more() {
    let mut world = world();
    world.rotate("k", None).unwrap();
    let made = world.call(ALICE, async |server, caller| server.engine.encapsulate(&caller, &numbered("k", 1)).await);
    assert_eq!(reason(made), Reason::WrongState);
    let found = world
        .call(ALICE, async |server, caller| server.engine.decapsulate(&caller, &numbered("k", 1), &[7; 1088]).await);
    assert_eq!(found.unwrap().version.record.number.value(), 1);
}

#[test]
fn wrong_lengths_and_strangers_are_refused() {
    let mut world = world();
    for len in [0, 1, 1087, 1089] {
        let found = world.call(ALICE, async |server, caller| {
            server.engine.decapsulate(&caller, &primary("k"), &vec![7; len]).await
        });
        assert_eq!(reason(found), Reason::InvalidArgument, "{len}");
    }
    let found =
        world.call(BOB, async |server, caller| server.engine.decapsulate(&caller, &primary("k"), &[7; 1088]).await);
    assert_eq!(reason(found), Reason::PermissionDenied);
    world.signing_key("s");
    let made = world.call(ALICE, async |server, caller| server.engine.encapsulate(&caller, &primary("s")).await);
    assert_eq!(reason(made), Reason::WrongPurpose);
}
