//! A holder of shares: three of them make keys and sign, refuse, are restarted, cheated and tampered with.

mod cheating;
mod field;
mod keeping;
mod signing;

use hufu_core::audit::AuditOutcome;
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};
use hufu_engine::api::PageRequest;
use hufu_frost::{GenerationMandate, Progress, Suite, Threshold};

use crate::common::world::{ALICE, BOB};
use field::{AUDITOR, COURIER, DEPLOYMENT, Field, NAMES, NOW_MS, allowed_by, foreign_verifies, key, rule, signed_by};

#[test]
fn three_holders_make_a_key_and_sign() {
    let mut field = Field::new();
    for (version, suite) in [(1, Suite::Ed25519), (2, Suite::Bip340)] {
        let group = field.generate(version, suite);
        let mandate = allowed_by(&field.wallet, field.mandate(&group, version));
        let (progress, coordinator) = field.signature(&group, mandate, |_, _| ());
        let Progress::Signed(signature) = progress else { panic!("{progress:?}") };
        assert!(foreign_verifies(&group, &signature));
        assert_eq!((coordinator.attempt(), coordinator.faults()), (0, &[][..]));
    }
    assert_eq!(field.shares(), 4);
    for (at, name) in NAMES.iter().enumerate() {
        let view = field.call(at, async |server, caller| server.engine.holder(&caller).await).unwrap();
        assert_eq!((view.name.as_str(), view.deployment.as_str(), view.simulated), (*name, DEPLOYMENT, true));
        assert_eq!(view.roster, field.roster.hash().0);
    }
}

#[test]
fn mandate_to_generate_is_judged_in_each_of_its_parts() {
    let mut field = Field::new();
    let good = field.mandate_to_generate(1, Suite::Ed25519);
    let with = |change: &dyn Fn(&mut GenerationMandate)| {
        let mut mandate = good.clone();
        change(&mut mandate);
        mandate
    };
    let (wallet, reader, stranger) = (&field.wallet, &field.reader, &field.stranger);
    let cases = [
        ("unknown-requester", signed_by(stranger, with(&|one| one.requester = "stranger".into()))),
        ("unknown-requester", signed_by(wallet, with(&|one| one.requester = "Wallet!".into()))),
        ("bad-signature", signed_by(stranger, good.clone())),
        ("other-deployment", signed_by(wallet, with(&|one| one.deployment = "test".into()))),
        ("expired", signed_by(wallet, with(&|one| one.expires_at_ms = NOW_MS))),
        ("lifetime-too-long", signed_by(wallet, with(&|one| one.expires_at_ms = NOW_MS + 3_600_001))),
        ("may-not-generate", signed_by(reader, with(&|one| one.requester = "reader".into()))),
        ("not-allowed", signed_by(wallet, with(&|one| one.key.name = "tenants/u/keys/k".into()))),
        ("not-allowed", signed_by(wallet, with(&|one| one.key.name = "tenants/t/keys/*".into()))),
        ("unknown-holder", signed_by(wallet, with(&|one| one.holders[2] = "west".into()))),
        // Of the roster, and no holder.
        ("unknown-holder", signed_by(wallet, with(&|one| one.holders[2] = "wallet".into()))),
        (
            "not-among-them",
            signed_by(
                wallet,
                with(&|one| {
                    one.holders.remove(0);
                    one.threshold = Threshold::new(2, 2).unwrap();
                }),
            ),
        ),
    ]
    .map(|(expected, mandate)| (expected, mandate.to_bytes()));
    for (expected, mandate) in cases {
        assert_eq!(rule(field.begin(0, &mandate)), (Reason::HolderRefused, Some(expected)));
        let newest = field.trail(0).remove(0);
        assert_eq!((newest.action, &*newest.principal), (Action::GenerateShare, "tenants/acme/principals/courier"));
        assert_eq!(newest.outcome, AuditOutcome::Refused("HOLDER_REFUSED".into()), "{expected}");
    }
    assert_eq!(rule(field.begin(0, b"noise")), (Reason::InvalidArgument, None));
}

#[test]
fn mandate_makes_one_generation() {
    let mut field = Field::new();
    let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
    let first = field.begin(0, &mandate.to_bytes()).unwrap();
    assert_eq!(field.begin(0, &mandate.to_bytes()).unwrap(), first, "an answer that was lost is told again");
    // It waits a minute and no longer, and its mandate begins no other.
    field.worlds[0].site.time.advance(60_000);
    assert_eq!(rule(field.begin(0, &mandate.to_bytes())), (Reason::HolderRefused, Some("mandate-used")));
    let set = mandate.set_id();
    let late = field.begin(1, &mandate.to_bytes()).unwrap().messages;
    assert_eq!(rule(field.go_on(0, set, late)), (Reason::HolderRefused, Some("no-such-generation")));

    let mut field = Field::new();
    field.generate(1, Suite::Ed25519);
    let again = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519)).to_bytes();
    for restarted in [false, true] {
        assert_eq!(rule(field.begin(0, &again)), (Reason::HolderRefused, Some("mandate-used")));
        if !restarted {
            field.restart(0);
        }
    }
    let other = GenerationMandate { seed: [7; 32], ..field.mandate_to_generate(1, Suite::Ed25519) };
    field.begin(0, &signed_by(&field.wallet, other).to_bytes()).unwrap();
}

#[test]
fn newer_mandate_of_the_same_requester_ends_what_is_under_way() {
    let mut field = Field::new();
    let mut setup = field.setup(0);
    setup.policy.requesters.values_mut().for_each(|rule| rule.may_generate = true);
    field.worlds[0].site.holder = Some(setup);
    field.restart(0);
    let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
    field.begin(0, &mandate.to_bytes()).unwrap();
    let of_reader = GenerationMandate { requester: "reader".into(), ..field.mandate_to_generate(1, Suite::Ed25519) };
    let of_reader = signed_by(&field.reader, of_reader).to_bytes();
    assert_eq!(rule(field.begin(0, &of_reader)), (Reason::HolderRefused, Some("under-way")));
    // As after the death of the coordinator: nobody waits a minute for it.
    let newer = GenerationMandate { seed: [7; 32], ..field.mandate_to_generate(1, Suite::Ed25519) };
    field.begin(0, &signed_by(&field.wallet, newer).to_bytes()).unwrap();
    let late = field.begin(1, &mandate.to_bytes()).unwrap().messages;
    assert_eq!(rule(field.go_on(0, mandate.set_id(), late)), (Reason::HolderRefused, Some("no-such-generation")));
    assert_eq!(rule(field.begin(0, &mandate.to_bytes())), (Reason::HolderRefused, Some("mandate-used")));
}

#[test]
fn finishing_again_changes_nothing_and_lost_answers_are_told_again() {
    let mut field = Field::new();
    let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
    let set = mandate.set_id();
    let firsts: Vec<_> = (0..3).map(|at| field.begin(at, &mandate.to_bytes()).unwrap().messages.remove(0)).collect();
    let for_north = firsts[1..].to_vec();
    let echo = field.go_on(0, set, for_north.clone()).unwrap();
    assert_eq!(field.go_on(0, set, for_north).unwrap(), echo);

    let mut field = Field::new();
    let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
    let outcomes = field.rounds(&mandate, |_, _, message| message).unwrap();
    let missing = outcomes[..2].to_vec();
    assert_eq!(rule(field.finish(0, set, missing)), (Reason::HolderRefused, Some("incomplete")));
    let share = field.finish(0, set, outcomes.clone()).unwrap();
    assert_eq!(field.finish(0, set, outcomes.clone()).unwrap(), share);
    field.restart(0);
    assert_eq!(field.finish(0, set, outcomes).unwrap(), share);
    let page = PageRequest { size: 10, token: String::new() };
    let listed = field.call(0, async |server, caller| server.engine.list_shares(&caller, page).await).unwrap();
    assert_eq!((listed.items, listed.next.as_str()), (vec![share], ""));
}

#[test]
fn shares_are_listed_in_pages() {
    let mut field = Field::new();
    for version in 1..=3 {
        field.generate(version, Suite::Ed25519);
    }
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = PageRequest { size: 2, token };
        let listed = field.call(0, async |server, caller| server.engine.list_shares(&caller, page).await).unwrap();
        found.extend(listed.items.into_iter().map(|share| share.key_version));
        token = listed.next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, [1, 2, 3].map(|version| key(version).to_string()));
    let page = PageRequest { size: 2, token: "nonsense".into() };
    let listed = field.call(0, async |server, caller| server.engine.list_shares(&caller, page).await);
    assert_eq!(listed.unwrap_err().reason(), Reason::PageTokenInvalid);
}

#[test]
fn coordinators_alone_have_holders_do_something() {
    let mut field = Field::new();
    let world = &mut field.worlds[0];
    for member in [ALICE, BOB, AUDITOR] {
        let denied: Vec<Result<(), Error>> = vec![
            world.call(member, async |server, caller| server.engine.begin_generation(&caller, b"x").await.map(drop)),
            world.call(member, async |server, caller| server.engine.commit_to_sign(&caller, b"x").await.map(drop)),
            world.call(member, async |server, caller| server.engine.sign_share(&caller, b"x").await.map(drop)),
            world.call(member, async |server, caller| {
                let name = "tenants/t/keys/k/versions/1".parse().unwrap();
                server.engine.destroy_share(&caller, &name, &[0; 32]).await
            }),
        ];
        for result in denied {
            assert_eq!(result.unwrap_err().reason(), Reason::PermissionDenied, "{}", member.id);
        }
    }
    assert!(world.call(AUDITOR, async |server, caller| server.engine.holder(&caller).await).is_ok());
    let page = PageRequest { size: 1, token: String::new() };
    let keys =
        world.call(COURIER, async |server, caller| server.engine.list_keys(&caller, &COURIER.tenant(), page).await);
    assert_eq!(keys.unwrap_err().reason(), Reason::PermissionDenied);
}

#[test]
fn setup_that_does_not_go_together_is_refused() {
    let field = Field::new();
    let good = field.setup(0);
    assert!(good.check().is_ok());
    let mut deployment = good.clone();
    deployment.deployment = "another".into();
    let mut name = good.clone();
    name.name = "wallet".parse().unwrap();
    let mut identity = good.clone();
    identity.identity = field.people[1].clone();
    let mut policy = good;
    policy.policy.requesters.insert("north".parse().unwrap(), hufu_engine::RequesterRule::default());
    for (setup, at) in [
        (deployment, "holder.deployment"),
        (name, "holder.name"),
        (identity, "holder.identity"),
        (policy, "holder.policy"),
    ] {
        assert_eq!(setup.check().unwrap_err().at_field(), Some(at));
    }
}
