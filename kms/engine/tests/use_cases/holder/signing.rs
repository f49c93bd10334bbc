//! What a holder signs, and what it does not: judged, recorded, never twice.

use hufu_core::audit::AuditOutcome;
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};
use hufu_frost::{
    Ask, Commitment, FaultKind, Group, Identifier, KeyVersion, Mandate, MessageDigest, Progress, PublicKeyDigest,
    Purpose, Refusal, Refused, SignedMandate, SigningPackage, SigningRequest, Suite,
};

use super::field::{Field, MESSAGE, NOW_MS, allowed_by, foreign_verifies, rows};

fn refusal(answer: Result<Vec<u8>, Error>) -> Option<Refusal> {
    Refused::from_bytes(&answer.unwrap()).ok().map(|refused| refused.reason)
}

fn request(mandate: &SignedMandate, attempt: u8) -> Vec<u8> {
    SigningRequest::new(mandate.clone(), attempt).to_bytes()
}

/// Commitments of the first two holders, and their package.
fn package(field: &mut Field, group: &Group, mandate: &SignedMandate, attempt: u8) -> Vec<u8> {
    let session = mandate.session(attempt).unwrap();
    let purpose = Purpose { group: group.digest(), session, message: MessageDigest::of(MESSAGE) };
    let commitments = [0, 1].map(|at| {
        let answer = field.commit(at, &request(mandate, attempt)).unwrap();
        let from = Identifier::new(u8::try_from(at + 1).unwrap()).unwrap();
        Commitment::receive(group, &purpose, from, &answer).unwrap()
    });
    SigningPackage::new(group, session, MESSAGE, &commitments).unwrap().to_bytes()
}

#[test]
fn mandate_to_sign_is_judged_and_every_decision_is_recorded() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let good = field.mandate(&group, 1);
    let (wallet, stranger) = (&field.wallet, &field.stranger);
    let cases = [
        (Refusal::UnknownRequester, allowed_by(stranger, Mandate { requester: "stranger".into(), ..good.clone() })),
        (Refusal::BadSignature, allowed_by(stranger, good.clone())),
        (Refusal::OtherDeployment, allowed_by(wallet, Mandate { deployment: "test".into(), ..good.clone() })),
        (Refusal::Expired, allowed_by(wallet, Mandate { expires_at_ms: NOW_MS, ..good.clone() })),
        (Refusal::LifetimeTooLong, allowed_by(wallet, Mandate { expires_at_ms: NOW_MS + 3_600_001, ..good.clone() })),
        (
            Refusal::NotAllowed,
            allowed_by(
                wallet,
                Mandate { key: KeyVersion { name: "tenants/u/keys/k".into(), version: 1 }, ..good.clone() },
            ),
        ),
        (Refusal::UnknownKey, allowed_by(wallet, Mandate { key: super::key(2), ..good.clone() })),
        (
            Refusal::OtherPublicKey,
            allowed_by(wallet, Mandate { public_key: PublicKeyDigest::of(b"another"), ..good.clone() }),
        ),
    ]
    .map(|(expected, mandate)| (expected, request(&mandate, 0)));
    for (expected, request) in cases {
        assert_eq!(refusal(field.commit(0, &request)), Some(expected));
        let newest = field.trail(0).remove(0);
        assert_eq!(newest.outcome, AuditOutcome::Refused("HOLDER_REFUSED".into()));
        assert!(newest.detail.unwrap().ends_with(&expected.to_string()), "{expected}");
    }
    assert_eq!(refusal(field.commit(0, b"noise")), Some(Refusal::Malformed));
    let mandate = allowed_by(&field.wallet, good);
    let package = package(&mut field, &group, &mandate, 0);
    assert_eq!(refusal(field.sign(0, &package)), None);
    let trail = field.trail(0);
    let session = mandate.session(0).unwrap();
    for (newest, round) in trail.iter().zip(["round 2", "round 1"]) {
        assert_eq!((newest.action, &newest.outcome), (Action::SignShare, &AuditOutcome::Done));
        assert_eq!(&*newest.resource, "shares/tenants/t/keys/k/versions/1");
        let detail = newest.detail.clone().unwrap();
        assert_eq!(detail, format!("{round}; mandate of wallet; session {session}"));
    }
}

#[test]
fn session_is_used_once_whatever_happens_between() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let mandate = allowed_by(&field.wallet, field.mandate(&group, 1));
    let used = package(&mut field, &group, &mandate, 0);
    assert_eq!(refusal(field.sign(0, &used)), None);
    assert_eq!(refusal(field.sign(0, &used)), Some(Refusal::SessionUnknown));
    assert_eq!(refusal(field.commit(0, &request(&mandate, 0))), Some(Refusal::SessionUsed));
    let open = package(&mut field, &group, &mandate, 1);
    // The nonces die with the process; that a session was used does not.
    field.restart(0);
    assert_eq!(refusal(field.sign(0, &open)), Some(Refusal::SessionUnknown));
    assert_eq!(refusal(field.sign(0, &used)), Some(Refusal::SessionUnknown));
    assert_eq!(refusal(field.commit(0, &request(&mandate, 0))), Some(Refusal::SessionUsed));
    assert_eq!(refusal(field.sign(1, &used)), None, "the other holder has not used it");
    assert_eq!(rows(&field.worlds[0])["sessions"], 1);
    assert_eq!(field.shares(), 2);
}

#[test]
fn holder_restarted_at_any_step_uses_no_nonce_twice_and_stops_no_signature() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Bip340);
    for at in 0..4 {
        let mandate = Mandate { seed: [u8::try_from(at).unwrap() + 10; 32], ..field.mandate(&group, 1) };
        let mandate = allowed_by(&field.wallet, mandate);
        let mut step = 0;
        let restart = |field: &mut Field, ask: &Ask| {
            if step == at {
                field.restart(usize::from(ask.holder.number()) - 1);
            }
            step += 1;
        };
        let (progress, coordinator) = field.signature(&group, mandate, restart);
        let Progress::Signed(signature) = progress else { panic!("{progress:?}") };
        assert!(foreign_verifies(&group, &signature));
        // Before round 2 it costs an attempt, and before round 1 nothing.
        let lost =
            coordinator.faults().iter().filter(|fault| fault.kind == FaultKind::Refused(Refusal::SessionUnknown));
        assert_eq!((lost.count(), coordinator.attempt()), if at < 2 { (0, 0) } else { (1, 1) });
    }
}

#[test]
fn no_share_leaves_when_nothing_can_be_written() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let mandate = allowed_by(&field.wallet, field.mandate(&group, 1));
    let package = package(&mut field, &group, &mandate, 0);
    field.worlds[0].site.store.set_available(false);
    let refused = field.sign(0, &package);
    assert_eq!(refused.unwrap_err().reason(), Reason::StorageUnavailable);
    assert_eq!(field.commit(0, &request(&mandate, 1)).unwrap_err().reason(), Reason::StorageUnavailable);
    field.worlds[0].site.store.set_available(true);
    assert_eq!(field.shares(), 0);
    assert_eq!(refusal(field.sign(0, &package)), Some(Refusal::SessionUnknown), "the nonces are destroyed");
    let (progress, _) = field.signature(&group, mandate, |_, _| ());
    assert!(matches!(progress, Progress::Signed(_)), "{progress:?}");
}

#[test]
fn caller_that_goes_when_the_record_is_written_gets_no_share_and_the_session_is_used() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let mandate = allowed_by(&field.wallet, field.mandate(&group, 1));
    let package = package(&mut field, &group, &mandate, 0);
    let world = &mut field.worlds[0];
    let caller = world.run(async |server| super::COURIER.call(server).await).unwrap();
    let cut = world.run_cut(1, async |server| server.engine.sign_share(&caller, &package).await);
    assert!(cut.is_none());
    assert_eq!(rows(world)["sessions"], 1);
    assert_eq!(refusal(field.sign(0, &package)), Some(Refusal::SessionUnknown));
    field.restart(0);
    assert_eq!(refusal(field.commit(0, &request(&mandate, 0))), Some(Refusal::SessionUsed));
}

#[test]
fn ended_sessions_are_cleared_away_by_later_signatures() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let first = allowed_by(&field.wallet, field.mandate(&group, 1));
    let used = package(&mut field, &group, &first, 0);
    assert_eq!(refusal(field.sign(0, &used)), None);
    for world in &field.worlds {
        world.site.time.advance(61_000);
    }
    let later = Mandate { expires_at_ms: NOW_MS + 120_000, seed: [2; 32], ..field.mandate(&group, 1) };
    let later = allowed_by(&field.wallet, later);
    let next = package(&mut field, &group, &later, 0);
    assert_eq!(refusal(field.sign(0, &next)), None);
    assert_eq!(rows(&field.worlds[0])["sessions"], 1, "that of the first mandate is gone");
    assert_eq!(refusal(field.commit(0, &request(&first, 1))), Some(Refusal::Expired));
}

#[test]
fn clock_set_back_over_a_restart_revives_no_mandate() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let early = allowed_by(&field.wallet, field.mandate(&group, 1));
    for world in &field.worlds {
        world.site.time.advance(61_000);
    }
    let later = Mandate { expires_at_ms: NOW_MS + 120_000, seed: [2; 32], ..field.mandate(&group, 1) };
    let later = allowed_by(&field.wallet, later);
    let next = package(&mut field, &group, &later, 0);
    assert_eq!(refusal(field.sign(0, &next)), None);
    // Another boot whose clock is two minutes behind where it was.
    let world = &mut field.worlds[0];
    world.site.time = std::sync::Arc::new(crate::common::ambient::SimTime::begin());
    world.restart();
    assert_eq!(refusal(field.commit(0, &request(&early, 0))), Some(Refusal::Expired));
    assert_eq!(refusal(field.commit(0, &request(&later, 0))), Some(Refusal::SessionUsed));
    assert_eq!(refusal(field.commit(0, &request(&later, 1))), None);
}

#[test]
fn clock_that_jumps_stops_a_holder_until_it_is_started_again() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let mandate = allowed_by(&field.wallet, field.mandate(&group, 1));
    field.worlds[0].server.clock.jump(400_000);
    let frozen = field.commit(0, &request(&mandate, 0)).unwrap_err();
    assert_eq!(frozen.reason(), Reason::ClockFrozen);
    field.restart(0);
    assert_eq!(refusal(field.commit(0, &request(&mandate, 0))), None, "the time that jumped was not kept");
}

#[test]
fn wrong_package_uses_no_session_up() {
    let mut field = Field::new();
    let group = field.generate(1, Suite::Ed25519);
    let mandate = allowed_by(&field.wallet, field.mandate(&group, 1));
    let good = package(&mut field, &group, &mandate, 0);
    let at = good.windows(MESSAGE.len()).position(|window| window == MESSAGE).unwrap();
    let mut other = good.clone();
    other[at] ^= 1;
    assert_eq!(refusal(field.sign(0, &other)), Some(Refusal::OtherPurpose));
    assert_eq!(refusal(field.sign(0, &good)), Some(Refusal::SessionUnknown), "the nonces are destroyed all the same");
    assert_eq!(rows(&field.worlds[0])["sessions"], 0);
}
