//! Each way to get a ceremony done that should not be done, tried and refused.

mod common;

use std::sync::Arc;

use common::*;
use hufu_ceremony::{
    Awaited, Ceremony, CeremonyId, CeremonyPolicy, Fingerprint, Grounds, PolicyHash, Refusal, Request, RequestDigest,
    SetId, State, StruckShare, What, Word,
};
use hufu_custodian::testing::Person;
use hufu_custodian::{Roster, RosterHash};

fn reason(result: Result<Ceremony, Refusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.reason(), |ceremony| ceremony.state().as_str())
}

/// A target, in a line.
const TARGET: &str = "target = { kind = \"process\", sealing_key = \"5555555555555555555555555555555555555555555555555555555555555555\" }";
const REFRESH: &str = "[act.refresh]\nsubject = \"tenants/acme/keys/payments/versions/3\"\nshares = { set = \"44444444444444444444444444444444\", epoch = 1, manifest = \"8888888888888888888888888888888888888888888888888888888888888888\" }\ntarget = { kind = \"process\", sealing_key = \"5555555555555555555555555555555555555555555555555555555555555555\" }";

#[test]
fn a_recovery_goes_its_way() {
    let world = World::new();
    assert_eq!(world.propose(&world.request(1, RECOVERY)).unwrap().state(), State::Proposed);
    assert_eq!(world.recovery().state(), State::Collecting);
    assert_eq!(world.delayed().state(), State::Delayed);
    assert_eq!(world.ready().state(), State::Ready);
    assert_eq!(world.executing().state(), State::Executing);
    let executed = world.executed();
    assert_eq!(executed.state(), State::Executed);
    assert_eq!(executed.steps().collect::<Vec<_>>(), [("opened", &b"note"[..])]);
    assert_eq!(Ceremony::replay(Arc::clone(&world.grounds), executed.events()).unwrap(), executed);
}

#[test]
fn who_is_awaited_is_told() {
    let world = World::new();
    let soon = after(20);
    assert_eq!(world.propose(&world.request(1, RECOVERY)).unwrap().awaited(soon), Awaited::Receipt);
    let Awaited::Approvals { tally, from } = world.recovery().awaited(soon) else { panic!("not collecting") };
    assert_eq!(tally.to_string(), "0 of 3 approvals, 0 of 2 organisations, 0 of 2 as officer");
    assert_eq!(from.len(), 6);
    assert_eq!(world.delayed().awaited(soon), Awaited::Delay(DELAY_MS - 10));
    assert_eq!(world.ready().awaited(after(DELAY_MS + 10)), Awaited::Shares(2));
    assert_eq!(world.executing().awaited(after(DELAY_MS + 20)), Awaited::Outcome);
    assert_eq!(world.ready().awaited(after(8 * 24 * HOUR_MS)), Awaited::Expiry);
    assert_eq!(world.executed().awaited(after(8 * 24 * HOUR_MS)), Awaited::Nothing);
}

#[test]
fn approval_before_the_request_is_logged() {
    let world = World::new();
    let proposed = world.propose(&world.request(1, RECOVERY)).unwrap();
    assert_eq!(reason(proposed.apply(world.approval(&proposed, "bob"), after(2))), "CEREMONY_WRONG_STATE");
}

#[test]
fn replayed_approval_in_the_same_ceremony() {
    let world = World::new();
    let ceremony = world.recovery();
    let approval = world.approval(&ceremony, "bob");
    let once = ceremony.apply(approval.clone(), after(2)).unwrap();
    assert_eq!(reason(once.apply(approval, after(3))), "CEREMONY_ALREADY_APPROVED");
    assert_eq!(reason(once.apply(world.approval(&once, "bob"), after(3))), "CEREMONY_ALREADY_APPROVED");
}

#[test]
fn replayed_approval_in_a_second_ceremony_of_the_same_request() {
    let world = World::new();
    let request = world.request(1, DESTRUCTION);
    let first = world.propose(&request).unwrap();
    let approval = world.approval(&first, "bob");
    let proposal = world.person("alice").sign(request.to_bytes());
    let second = Ceremony::propose(Arc::clone(&world.grounds), proposal, after(5)).unwrap();
    assert_eq!(second.digest(), first.digest());
    assert_eq!(reason(second.apply(approval, after(6))), "CEREMONY_OTHER_CEREMONY");
}

#[test]
fn approval_for_another_request() {
    let world = World::new();
    let other = world.propose(&world.request(2, DESTRUCTION)).unwrap();
    let ceremony = world.propose(&world.request(1, DESTRUCTION)).unwrap();
    assert_eq!(reason(ceremony.apply(world.approval(&other, "bob"), after(2))), "CEREMONY_OTHER_REQUEST");
}

#[test]
fn approval_with_anything_changed() {
    let world = World::new();
    let ceremony = world.recovery();
    let try_it = |what| reason(ceremony.apply(what, after(2)));
    let odd = |change: &dyn Fn(&mut hufu_ceremony::Decision)| try_it(world.odd_approval(&ceremony, "bob", change));
    assert_eq!(odd(&|d| d.binding.ceremony = CeremonyId([9; 32])), "CEREMONY_OTHER_CEREMONY");
    assert_eq!(odd(&|d| d.binding.request = RequestDigest([9; 32])), "CEREMONY_OTHER_REQUEST");
    assert_eq!(odd(&|d| d.binding.roster = RosterHash([9; 32])), "CEREMONY_OTHER_ROSTER");
    assert_eq!(odd(&|d| d.binding.policy = PolicyHash([9; 32])), "CEREMONY_OTHER_POLICY");
    assert_eq!(odd(&|d| d.who = "carol".parse().unwrap()), "CEREMONY_NOT_THE_SIGNER");
    assert_eq!(odd(&|d| d.word = Word::Veto), "CEREMONY_OTHER_WORD");
    assert_eq!(odd(&|d| d.expires_at_ms = START_MS + 2), "CEREMONY_DECISION_EXPIRED");
    let What::Approved(mut signed) = world.approval(&ceremony, "bob") else { panic!("no approval") };
    *signed.signature.last_mut().unwrap() ^= 1;
    assert_eq!(try_it(What::Approved(signed.clone())), "CEREMONY_BAD_SIGNATURE");
    signed.signer = "mallory".parse().unwrap();
    assert_eq!(try_it(What::Approved(signed)), "CEREMONY_UNKNOWN_CUSTODIAN");
    assert_eq!(try_it(What::Approved(world.person("bob").sign(b"yes".to_vec()))), "CEREMONY_MALFORMED");
    let share = world.odd_share(&ceremony, "frank", 1, |_| ());
    let What::ShareSubmitted(share) = share else { panic!("no share") };
    assert_eq!(try_it(What::Approved(share)), "CEREMONY_MALFORMED");
}

#[test]
fn a_veto_used_as_an_approval_and_an_approval_as_a_veto() {
    let world = World::new();
    let ceremony = world.recovery();
    let expires = START_MS + HOUR_MS;
    let veto = world.decide(&ceremony, "erin", Word::Veto, expires);
    assert_eq!(reason(ceremony.apply(What::Approved(veto.clone()), after(2))), "CEREMONY_OTHER_WORD");
    let approval = world.decide(&ceremony, "erin", Word::Approve, expires);
    assert_eq!(reason(ceremony.apply(What::Vetoed(approval), after(2))), "CEREMONY_OTHER_WORD");
    assert_eq!(reason(ceremony.apply(What::Cancelled(veto), after(2))), "CEREMONY_OTHER_WORD");
}

#[test]
fn proposer_approving() {
    let world = World::new();
    let ceremony = world.recovery();
    let refused = ceremony.apply(world.approval(&ceremony, "alice"), after(2));
    assert_eq!(reason(refused), "CEREMONY_PROPOSER_APPROVES");
}

#[test]
fn proposal_in_the_name_of_another() {
    let world = World::new();
    let request = world.request(1, RECOVERY);
    let try_it = |proposal| reason(Ceremony::propose(Arc::clone(&world.grounds), proposal, after(0)));
    // Bob signs a request that names alice, and would then approve it.
    assert_eq!(try_it(world.person("bob").sign(request.to_bytes())), "CEREMONY_NOT_THE_SIGNER");
    let mut forged = world.person("bob").sign(request.to_bytes());
    forged.signer = "alice".parse().unwrap();
    assert_eq!(try_it(forged), "CEREMONY_BAD_SIGNATURE");
}

#[test]
fn approval_after_a_veto() {
    let world = World::new();
    for ceremony in [world.recovery(), world.delayed()] {
        let vetoed = ceremony.apply(world.veto(&ceremony, "erin"), after(20)).unwrap();
        assert_eq!(vetoed.state(), State::Rejected);
        assert_eq!(reason(vetoed.apply(world.approval(&vetoed, "dave"), after(30))), "CEREMONY_WRONG_STATE");
        assert_eq!(reason(vetoed.apply(What::Began, after(30))), "CEREMONY_WRONG_STATE");
    }
}

#[test]
fn a_veto_counts_until_the_beginning_and_only_from_who_may() {
    let world = World::new();
    let ready = world.ready();
    let now = after(DELAY_MS + 20);
    assert_eq!(reason(ready.apply(world.veto(&ready, "erin"), now)), "rejected");
    assert_eq!(reason(ready.apply(world.veto(&ready, "bob"), now)), "CEREMONY_MISSING_ROLE");
    let executing = world.executing();
    assert_eq!(reason(executing.apply(world.veto(&executing, "erin"), now)), "CEREMONY_WRONG_STATE");
    let destruction = world.propose(&world.request(2, DESTRUCTION)).unwrap();
    assert_eq!(reason(destruction.apply(world.veto(&destruction, "erin"), after(1))), "CEREMONY_MISSING_ROLE");
}

#[test]
fn approval_after_expiry_of_the_ceremony_or_its_own() {
    let world = World::new();
    let week = 7 * 24 * HOUR_MS;
    let ceremony = world.recovery();
    let late = |d: &mut hufu_ceremony::Decision| d.expires_at_ms = u64::MAX;
    let approval = world.odd_approval(&ceremony, "bob", late);
    assert_eq!(reason(ceremony.apply(approval.clone(), after(week - 1))), "collecting");
    assert_eq!(reason(ceremony.apply(approval.clone(), after(week))), "CEREMONY_EXPIRED");
    assert_eq!(reason(ceremony.apply(What::Expired, after(week - 1))), "CEREMONY_NOT_EXPIRED");
    let expired = ceremony.apply(What::Expired, after(week)).unwrap();
    assert_eq!(reason(expired.apply(approval, after(week))), "CEREMONY_WRONG_STATE");
    let day = 24 * HOUR_MS;
    assert_eq!(reason(ceremony.apply(world.approval(&ceremony, "bob"), after(day))), "CEREMONY_DECISION_EXPIRED");
    assert_eq!(reason(world.executing().apply(What::Expired, after(week))), "CEREMONY_WRONG_STATE");
}

#[test]
fn approvals_that_expired_before_the_beginning_count_no_more() {
    let world = World::new();
    let ceremony = world.executing();
    let ready = Ceremony::replay(Arc::clone(&world.grounds), &ceremony.events()[..8]).unwrap();
    assert_eq!((ready.state(), ready.shares_missing()), (State::Ready, 0));
    let day = 24 * HOUR_MS;
    assert_eq!(reason(ready.apply(What::Began, after(day))), "CEREMONY_QUORUM_LAPSED");
    let again = |ceremony: Ceremony, who| {
        let approval = world.odd_approval(&ceremony, who, |d| d.expires_at_ms += day);
        ceremony.apply(approval, after(day)).unwrap()
    };
    let renewed = ["bob", "carol", "dave"].into_iter().fold(ready, again);
    // The delay was for those who approved before: it begins again with those who do now.
    assert_eq!(renewed.state(), State::Delayed);
    assert_eq!(reason(renewed.apply(What::Began, after(day + 1))), "CEREMONY_WRONG_STATE");
    let again = renewed.apply(What::DelayPassed, after(day + DELAY_MS)).unwrap();
    assert_eq!(reason(again.apply(What::Began, after(day + DELAY_MS))), "executing");
}

#[test]
fn decided_tomorrow() {
    let world = World::new();
    let ceremony = world.recovery();
    for ahead in [HOUR_MS, u64::MAX - START_MS - 1] {
        let early = world.odd_approval(&ceremony, "dave", |d| {
            d.decided_at_ms = START_MS + ahead;
            d.expires_at_ms = u64::MAX;
        });
        assert_eq!(reason(ceremony.apply(early, after(2))), "CEREMONY_DECIDED_IN_THE_FUTURE");
    }
    let over = world.odd_approval(&ceremony, "dave", |d| d.decided_at_ms = d.expires_at_ms);
    assert_eq!(reason(ceremony.apply(over, after(2))), "CEREMONY_DECIDED_IN_THE_FUTURE");
    assert_eq!(reason(ceremony.apply(world.approval(&ceremony, "dave"), after(2))), "collecting");
}

#[test]
fn a_rule_that_is_a_way_around_another() {
    let rule = |kind: &str, more: &str| {
        let strict = "approvals = 3\norganisations = 2\nroles = { officer = 2 }\nveto = \"auditor\"\ndelay_s = 3600\nlifetime_max_s = 604800";
        let shares = if kind == "policy-change" { "" } else { "shares = 2" };
        let changed = more.split_once(" -> ").map_or(strict.to_owned(), |(from, to)| strict.replace(from, to));
        CeremonyPolicy::from_toml(&format!("{POLICY}\n[rules.{kind}]\n{changed}\n{shares}"))
    };
    for kind in ["drill", "reshare", "refresh"] {
        assert!(rule(kind, "").is_ok(), "{kind}");
        for less in [
            "approvals = 3 -> approvals = 2",
            "organisations = 2 -> organisations = 1",
            "officer = 2 -> officer = 1",
            "delay_s = 3600 -> delay_s = 60",
            "veto = \"auditor\" -> veto = \"officer\"",
        ] {
            let refused = rule(kind, less).unwrap_err().to_string();
            assert!(refused.contains("way around"), "{kind}, {less}: {refused}");
        }
        let at_once = "veto = \"auditor\"\ndelay_s = 3600 -> ";
        assert!(rule(kind, at_once).is_err(), "{kind}");
    }
    let weak = POLICY.replace("[rules.policy-change]\napprovals = 3", "[rules.policy-change]\napprovals = 2");
    let refused = CeremonyPolicy::from_toml(&weak).unwrap_err().to_string();
    assert!(refused.contains("`policy-change` is a way around"), "{refused}");
}

/// Everything under a root is in the shares of its next one: whoever may rotate roots in tokens gets none of them by that.
#[test]
fn a_root_handed_out_under_the_rule_for_roots_in_tokens() {
    let token = "[act.rotate-root]\nslot = \"token\"\n";
    let alone = "[act.rotate-root]\nslot = \"custodians\"\n[act.rotate-root.shares]\nthreshold = 1\n\
                 custodians = [\"alice\"]\n";
    let plain = "[rules.rotate-root]\napprovals = 1\norganisations = 1\n";
    let lax = format!("{plain}lifetime_max_s = 604800\n");
    let world = World::with_policy(&format!("{POLICY}{lax}"));
    assert_eq!(reason(world.propose(&world.request(1, token))), "collecting");
    for less in ["approvals = 2", "organisations = 1", "delay_s = 60"] {
        let request = world.request_with(1, &format!("[more]\n{less}"), alone);
        assert_eq!(reason(world.propose(&request)), "CEREMONY_WEAKER_THAN_POLICY", "{less}");
    }
    let proposed = world.propose(&world.request(1, alone)).unwrap();
    assert_eq!(reason(proposed.apply(world.approval(&proposed, "bob"), after(1))), "CEREMONY_WRONG_STATE");
    let logged = proposed.apply(What::Logged(b"receipt".to_vec().into()), after(1)).unwrap();
    let one = logged.apply(world.approval(&logged, "bob"), after(2)).unwrap();
    let two = one.apply(world.approval(&one, "carol"), after(3)).unwrap();
    assert_eq!(two.state(), State::Collecting);
    let three = two.apply(world.approval(&two, "dave"), after(4)).unwrap();
    assert_eq!((three.state(), three.delay_left_ms(after(4))), (State::Delayed, DELAY_MS));
    assert_eq!(reason(three.apply(What::Began, after(5))), "CEREMONY_WRONG_STATE");
    assert_eq!(reason(three.apply(world.veto(&three, "erin"), after(5))), "rejected");
    // Whoever verifies it judges the same: events that a laxer service wrote are not of a ceremony.
    let events: Vec<_> = proposed.events().iter().chain(&one.events()[2..]).cloned().collect();
    assert!(Ceremony::replay(Arc::clone(&world.grounds), &events).is_err());

    let few = POLICY.split("[rules.destruction]").next().unwrap();
    let none = POLICY.split("[rules.recovery]").next().unwrap();
    for (policy, what) in [
        (format!("{none}{lax}"), "policy-change"),
        (format!("{few}{lax}veto = \"officer\"\n"), "`veto`"),
        (format!("{few}{plain}lifetime_max_s = 3600\n"), "`lifetime_max_s`"),
    ] {
        let world = World::with_policy(&policy);
        let refused = world.propose(&world.request(1, alone)).unwrap_err();
        assert_eq!(refused.reason(), "CEREMONY_HELD_TO_RECOVERY");
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

#[test]
fn one_person_under_two_names_or_with_two_keys() {
    let world = World::new();
    let entries = || world.people.iter().map(entry).collect::<Vec<_>>();
    let mut two_names = entries();
    two_names[2].signing = two_names[1].signing.clone();
    assert!(Roster::first("log.example", two_names).is_err());
    let mut two_keys = entries();
    two_keys[2].name = two_keys[1].name.clone();
    assert!(Roster::first("log.example", two_keys).is_err());
    // And a second key that the roster does not have is nobody's.
    let ceremony = world.recovery();
    let second = Person::new("bob", "north");
    let decision = ceremony.decision(&second.name(), Word::Approve, (START_MS + 1, START_MS + HOUR_MS));
    let refused = ceremony.apply(What::Approved(second.sign(decision.to_bytes())), after(2));
    assert_eq!(reason(refused), "CEREMONY_BAD_SIGNATURE");
}

#[test]
fn approvals_by_people_of_a_later_roster() {
    let world = World::new();
    let newcomer = Person::new("mallory", "east");
    let mut later: Vec<_> = world.people.iter().map(entry).collect();
    later.push(newcomer.custodian());
    let roster = world.grounds.roster().next(later).unwrap();
    let ceremony = world.recovery();
    let mut decision = ceremony.decision(&newcomer.name(), Word::Approve, (START_MS + 1, START_MS + HOUR_MS));
    let approve = |decision: &hufu_ceremony::Decision| What::Approved(newcomer.sign(decision.to_bytes()));
    assert_eq!(reason(ceremony.apply(approve(&decision), after(2))), "CEREMONY_UNKNOWN_CUSTODIAN");
    decision.binding.roster = roster.hash();
    assert_eq!(reason(ceremony.apply(approve(&decision), after(2))), "CEREMONY_UNKNOWN_CUSTODIAN");
    // Nor can the server put the later roster under the request.
    let grounds = Arc::new(Grounds::new(roster, world.grounds.policy().clone()).unwrap());
    assert_eq!(reason(Ceremony::replay(grounds, ceremony.events())), "CEREMONY_OTHER_ROSTER");
}

#[test]
fn request_weaker_than_the_policy() {
    let world = World::new();
    for more in ["approvals = 2", "organisations = 1", "delay_s = 3599", "shares = 1"] {
        let request = world.request_with(1, &format!("[more]\n{more}"), RECOVERY);
        assert_eq!(reason(world.propose(&request)), "CEREMONY_WEAKER_THAN_POLICY", "{more}");
    }
    // More than makes sense is refused too: shares that the kind has no use for, a delay in which nobody could veto.
    for more in ["shares = 1", "delay_s = 60", "approvals = 65"] {
        let request = world.request_with(1, &format!("[more]\n{more}"), DESTRUCTION);
        assert_eq!(reason(world.propose(&request)), "CEREMONY_MALFORMED", "{more}");
    }
    let stronger = world.request_with(1, "[more]\napprovals = 4\ndelay_s = 7200", RECOVERY);
    let ceremony = world.propose(&stronger).unwrap();
    assert_eq!((ceremony.terms().approvals, ceremony.terms().delay_s), (4, 7200));
}

#[test]
fn kinds_without_a_rule_and_rules_that_nobody_can_meet() {
    let world = World::new();
    let refresh = world.request(1, REFRESH);
    assert_eq!(reason(world.propose(&refresh)), "CEREMONY_NO_RULE");
    for more in ["approvals = 7", "organisations = 4\napprovals = 4", "shares = 8"] {
        let request = world.request_with(1, &format!("[more]\n{more}"), RECOVERY);
        assert_eq!(reason(world.propose(&request)), "CEREMONY_QUORUM_UNREACHABLE", "{more}");
    }
    let toothless = World::with_policy(&POLICY.replace("\"auditor\"", "\"observer\""));
    assert_eq!(reason(toothless.propose(&toothless.request(1, RECOVERY))), "CEREMONY_QUORUM_UNREACHABLE");
}

#[test]
fn another_policy_deployment_or_time_than_agreed() {
    let world = World::new();
    let other = World::with_policy(&POLICY.replace("number = 1", "number = 2"));
    let try_it = |request: &Request, wall_ms| {
        let proposal = world.person("alice").sign(request.to_bytes());
        reason(Ceremony::propose(Arc::clone(&world.grounds), proposal, at(wall_ms, 0)))
    };
    let request = world.request(1, RECOVERY);
    assert_eq!(
        try_it(&Request { policy: other.grounds.policy_hash(), ..request.clone() }, START_MS),
        "CEREMONY_OTHER_POLICY"
    );
    let elsewhere = Request { deployment: "log.other".try_into().unwrap(), ..request.clone() };
    assert_eq!(try_it(&elsewhere, START_MS), "CEREMONY_OTHER_DEPLOYMENT");
    assert_eq!(try_it(&request, START_MS - 1), "CEREMONY_WINDOW");
    assert_eq!(try_it(&request, request.expires_at_ms - DELAY_MS), "CEREMONY_WINDOW");
    assert_eq!(try_it(&request, request.expires_at_ms), "CEREMONY_EXPIRED");
    let policy = CeremonyPolicy::from_toml(&POLICY.replace("log.example", "log.other")).unwrap();
    assert_eq!(Grounds::new(world.grounds.roster().clone(), policy), Err(Refusal::OtherDeployment));
}

#[test]
fn swapped_target_set_or_epoch_of_a_share() {
    let world = World::new();
    let ready = world.ready();
    let now = after(DELAY_MS + 20);
    let odd = |change: &dyn Fn(&mut hufu_ceremony::ShareStatement)| {
        reason(ready.apply(world.odd_share(&ready, "frank", 1, change), now))
    };
    assert_eq!(odd(&|_| ()), "ready");
    assert_eq!(odd(&|s| s.sealed_to = Some(Fingerprint([9; 32]))), "CEREMONY_OTHER_TARGET");
    assert_eq!(odd(&|s| s.sealed_to = None), "CEREMONY_OTHER_TARGET");
    assert_eq!(odd(&|s| s.shares.epoch = 1), "CEREMONY_OTHER_SHARES");
    assert_eq!(odd(&|s| s.shares.manifest = Fingerprint([9; 32])), "CEREMONY_OTHER_SHARES");
    assert_eq!(odd(&|s| s.shares.set = SetId([9; 16])), "CEREMONY_OTHER_SHARES");
    assert_eq!(odd(&|s| s.who = "grace".parse().unwrap()), "CEREMONY_NOT_THE_SIGNER");
    assert_eq!(odd(&|s| s.binding.ceremony = CeremonyId([9; 32])), "CEREMONY_OTHER_CEREMONY");
    assert_eq!(odd(&|s| s.index = 0), "CEREMONY_SHARE_INDEX");
    assert_eq!(odd(&|s| s.index = 65), "CEREMONY_SHARE_INDEX");
}

#[test]
fn swapped_target_of_a_request_that_was_approved() {
    let world = World::new();
    let honest = world.recovery();
    let approvals = ["bob", "carol", "erin"].map(|who| world.approval(&honest, who));
    let swapped = world.request(1, &RECOVERY.replace("5555", "6666"));
    let proposed = world.propose(&swapped).unwrap();
    let ceremony = proposed.apply(What::Logged(b"receipt".to_vec().into()), after(1)).unwrap();
    for approval in approvals {
        assert_eq!(reason(ceremony.apply(approval, after(2))), "CEREMONY_OTHER_REQUEST");
    }
}

#[test]
fn a_share_twice_or_too_early() {
    let world = World::new();
    let delayed = world.delayed();
    assert_eq!(reason(delayed.apply(world.share(&delayed, "frank", 1), after(20))), "CEREMONY_WRONG_STATE");
    let ready = world.ready();
    let now = after(DELAY_MS + 20);
    let one = ready.apply(world.share(&ready, "frank", 1), now).unwrap();
    assert_eq!(reason(one.apply(world.share(&one, "frank", 2), now)), "CEREMONY_SHARE_TWICE");
    assert_eq!(reason(one.apply(world.share(&one, "grace", 1), now)), "CEREMONY_SHARE_TWICE");
    let same = world.odd_share(&one, "grace", 2, |s| s.digest = Fingerprint([1; 32]));
    assert_eq!(reason(one.apply(same, now)), "CEREMONY_SHARE_TWICE");
    assert_eq!(one.apply(What::Began, now), Err(Refusal::SharesMissing { missing: 1 }));
}

#[test]
fn what_was_struck_out_is_made_good_by_others_or_by_the_same_person() {
    let world = World::new();
    let struck = world.struck_out();
    let now = after(DELAY_MS + 30);
    assert_eq!((struck.state(), struck.shares_missing()), (State::Executing, 1));
    assert_eq!(struck.awaited(now), Awaited::Shares(1));
    assert_eq!(struck.check_before_sharing(now.wall_ms), Ok(()));
    // Nothing is done meanwhile.
    let step = || What::StepDone("opened".try_into().unwrap(), b"note".to_vec().into());
    assert_eq!(struck.apply(step(), now), Err(Refusal::SharesMissing { missing: 1 }));
    let done = || What::Executed("done".try_into().unwrap(), vec![b"receipt".to_vec().into()]);
    assert_eq!(struck.apply(done(), now), Err(Refusal::SharesMissing { missing: 1 }));
    // The same again is the same; another sealing, or another person's, counts.
    assert_eq!(reason(struck.apply(world.share(&struck, "frank", 1), now)), "CEREMONY_SHARE_TWICE");
    let anew = world.odd_share(&struck, "frank", 1, |share| share.digest = Fingerprint([0x77; 32]));
    for made_good in [anew, world.share(&struck, "carol", 3)] {
        let again = struck.apply(made_good, now).unwrap();
        assert_eq!(again.awaited(now), Awaited::Outcome);
        assert_eq!(reason(again.apply(world.share(&again, "dave", 5), now)), "CEREMONY_WRONG_STATE");
        let executed = again.apply(step(), now).unwrap().apply(done(), now).unwrap();
        assert_eq!(executed.struck().len(), 1);
        assert_eq!(Ceremony::replay(Arc::clone(&world.grounds), executed.events()).unwrap(), executed);
    }
}

/// One junk share must not turn a veto off, or make approvals hold for ever.
#[test]
fn a_junk_share_takes_neither_the_veto_nor_the_approvals_time_away() {
    let world = World::new();
    let (struck, now) = (world.struck_out(), after(DELAY_MS + 30));
    for (what, ends) in [
        (world.veto(&struck, "erin"), "rejected"),
        (world.cancel(&struck, "alice"), "cancelled"),
        (world.cancel(&struck, "bob"), "cancelled"),
        (world.veto(&struck, "bob"), "CEREMONY_MISSING_ROLE"),
        (world.cancel(&struck, "erin"), "CEREMONY_MISSING_ROLE"),
    ] {
        assert_eq!(reason(struck.apply(what, now)), ends);
    }
    let rejected = struck.apply(world.veto(&struck, "erin"), now).unwrap();
    assert_eq!(reason(rejected.apply(world.share(&rejected, "carol", 3), now)), "CEREMONY_WRONG_STATE");
    assert_eq!(Ceremony::replay(Arc::clone(&world.grounds), rejected.events()).unwrap(), rejected);
    // With all that it takes it is at work, and cannot be stopped half done.
    for whole in [world.executing(), struck.apply(world.share(&struck, "carol", 3), now).unwrap()] {
        assert_eq!(reason(whole.apply(world.veto(&whole, "erin"), now)), "CEREMONY_WRONG_STATE");
        assert_eq!(reason(whole.apply(world.cancel(&whole, "alice"), now)), "CEREMONY_WRONG_STATE");
    }
    // The approvals held for a day.
    let lapsed = after(24 * HOUR_MS);
    assert_eq!(struck.awaited(lapsed), Awaited::Outcome);
    assert_eq!(reason(struck.apply(world.share(&struck, "carol", 3), lapsed)), "CEREMONY_QUORUM_LAPSED");
    let late = What::Vetoed(world.decide(&struck, "erin", Word::Veto, u64::MAX));
    assert_eq!(reason(struck.apply(late, lapsed)), "rejected");
}

#[test]
fn shares_are_struck_out_only_as_they_were_brought_and_before_they_have_done_their_work() {
    let world = World::new();
    let executing = world.executing();
    let now = after(DELAY_MS + 30);
    let strike = |of: &Ceremony, struck: Vec<StruckShare>| reason(of.apply(What::SharesStruck(struck), now));
    let frank = world.struck(&executing, "frank").unwrap();
    assert_eq!(strike(&world.ready(), vec![frank.clone()]), "CEREMONY_WRONG_STATE");
    assert_eq!(strike(&executing, Vec::new()), "CEREMONY_MALFORMED");
    assert_eq!(strike(&executing, vec![world.struck_by("carol")]), "CEREMONY_NOT_BROUGHT");
    let of_another = StruckShare { who: "grace".parse().unwrap(), ..frank.clone() };
    assert_eq!(strike(&executing, vec![of_another]), "CEREMONY_NOT_BROUGHT");
    let other = StruckShare { digest: Fingerprint([9; 32]), ..frank.clone() };
    assert_eq!(strike(&executing, vec![other]), "CEREMONY_NOT_BROUGHT");
    assert_eq!(strike(&executing, vec![frank.clone(), frank.clone()]), "CEREMONY_NOT_BROUGHT");
    let long = StruckShare { why: "a".repeat(401).as_str().try_into().unwrap(), ..frank.clone() };
    assert_eq!(strike(&executing, vec![long]), "CEREMONY_TOO_LARGE");
    let worked = executing.apply(What::StepDone("opened".try_into().unwrap(), Vec::new().into()), now).unwrap();
    assert_eq!(strike(&worked, vec![frank]), "CEREMONY_STRUCK_TOO_LATE");
    // Where enough right ones are left, nothing is missing.
    let ready = world.ready();
    let three = [("frank", 1), ("grace", 4), ("carol", 5)];
    let bring = |of: Ceremony, (who, index)| of.apply(world.share(&of, who, index), now).unwrap();
    let more = three.into_iter().fold(ready, bring).apply(What::Began, now).unwrap();
    assert_eq!(strike(&more, vec![world.struck(&more, "carol").unwrap()]), "CEREMONY_STRUCK_TOO_LATE");
}

#[test]
fn nobody_brings_something_wrong_more_than_three_times_or_after_the_time() {
    let world = World::new();
    let mut ceremony = world.struck_out();
    let now = after(DELAY_MS + 30);
    let bring = |of: &Ceremony, turn: u8| {
        world.odd_share(of, "frank", 1, |share| share.digest = Fingerprint([0x70 + turn; 32]))
    };
    let late = after(7 * 24 * HOUR_MS);
    assert_eq!(reason(ceremony.apply(bring(&ceremony, 0), late)), "CEREMONY_EXPIRED");
    assert_eq!(ceremony.awaited(late), Awaited::Outcome);
    assert_eq!(ceremony.check_before_sharing(late.wall_ms), Err(Refusal::CeremonyExpired));
    assert_eq!(reason(ceremony.apply(What::Failed("too few".try_into().unwrap()), late)), "failed");
    for turn in 0..2 {
        ceremony = ceremony.apply(bring(&ceremony, turn), now).unwrap();
        let struck = world.struck(&ceremony, "frank").unwrap();
        ceremony = ceremony.apply(What::SharesStruck(vec![struck]), now).unwrap();
    }
    assert_eq!(reason(ceremony.apply(bring(&ceremony, 2), now)), "CEREMONY_STRUCK_OUT");
    assert_eq!(ceremony.apply(world.share(&ceremony, "carol", 3), now).unwrap().shares_missing(), 0);
}

#[test]
fn wall_time_moved_forward_ends_no_delay() {
    let world = World::new();
    let delayed = world.delayed();
    let jumped = at(START_MS + 10 + DELAY_MS, 10 + DELAY_MS - 1);
    assert_eq!(delayed.apply(What::DelayPassed, jumped), Err(Refusal::DelayGoesOn(1)));
    let running = at(START_MS + 10 + DELAY_MS - 1, 10 + DELAY_MS);
    assert_eq!(delayed.apply(What::DelayPassed, running), Err(Refusal::DelayGoesOn(1)));
    assert_eq!(reason(delayed.apply(What::Began, after(DELAY_MS + 10))), "CEREMONY_WRONG_STATE");
    assert_eq!(reason(delayed.apply(What::DelayPassed, after(DELAY_MS + 10))), "ready");
}

#[test]
fn a_service_whose_clock_lies_gets_no_share_early() {
    let world = World::new();
    // It lets a day pass that did not pass, by both of its clocks.
    let lying = world.delayed().apply(What::DelayPassed, after(23 * HOUR_MS)).unwrap();
    let decided = START_MS + 1;
    let check = |now_ms| lying.check_before_sharing(now_ms);
    assert_eq!(check(decided + DELAY_MS - 1), Err(Refusal::DelayGoesOn(1)));
    assert_eq!(check(decided + DELAY_MS), Ok(()));
    assert_eq!(check(START_MS - 1), Err(Refusal::TooEarly));
    assert!(matches!(check(START_MS + 24 * HOUR_MS), Err(Refusal::QuorumLapsed(_))));
    assert_eq!(check(START_MS + 7 * 24 * HOUR_MS), Err(Refusal::CeremonyExpired));
    assert!(matches!(world.delayed().check_before_sharing(u64::MAX), Err(Refusal::WrongState { .. })));
    // Whoever approved last began the delay, in whichever order the service took the approvals.
    let late = |d: &mut hufu_ceremony::Decision| d.decided_at_ms = START_MS + HOUR_MS;
    let mut ceremony = world.recovery();
    for what in [
        world.odd_approval(&ceremony, "bob", late),
        world.approval(&ceremony, "carol"),
        world.approval(&ceremony, "erin"),
    ] {
        ceremony = ceremony.apply(what, after(HOUR_MS)).unwrap();
    }
    let ready = ceremony.apply(What::DelayPassed, after(3 * HOUR_MS)).unwrap();
    assert_eq!(ready.check_before_sharing(START_MS + HOUR_MS + DELAY_MS - 1), Err(Refusal::DelayGoesOn(1)));
    assert_eq!(ready.check_before_sharing(START_MS + HOUR_MS + DELAY_MS), Ok(()));
}

#[test]
fn time_that_runs_backwards() {
    let world = World::new();
    let ceremony = world.delayed();
    let veto = || world.veto(&ceremony, "erin");
    assert_eq!(reason(ceremony.apply(veto(), at(START_MS + 9, 11))), "CEREMONY_TIME_BACKWARDS");
    assert_eq!(reason(ceremony.apply(veto(), at(START_MS + 11, 9))), "CEREMONY_TIME_BACKWARDS");
    assert_eq!(reason(ceremony.apply(veto(), after(10))), "rejected");
}

#[test]
fn done_twice_or_without_a_receipt() {
    let world = World::new();
    let executing = world.executing();
    let now = after(DELAY_MS + 40);
    let done = |receipts: &[&[u8]]| {
        let receipts = receipts.iter().map(|receipt| receipt.to_vec().into()).collect();
        What::Executed("done".try_into().unwrap(), receipts)
    };
    assert_eq!(reason(executing.apply(What::Began, now)), "CEREMONY_WRONG_STATE");
    assert_eq!(reason(executing.apply(done(&[]), now)), "CEREMONY_RECEIPT_MISSING");
    let step = || What::StepDone("opened".try_into().unwrap(), b"".to_vec().into());
    let stepped = executing.apply(step(), now).unwrap();
    assert_eq!(reason(stepped.apply(step(), now)), "CEREMONY_STEP_TWICE");
    let executed = stepped.apply(done(&[b"receipt"]), now).unwrap();
    for again in [done(&[b"receipt"]), What::Began, step(), What::Failed("no".try_into().unwrap())] {
        assert_eq!(reason(executed.apply(again, now)), "CEREMONY_WRONG_STATE");
    }
}

#[test]
fn proposed_by_who_may() {
    let world = World::with_policy(&POLICY.replace("cancel = \"officer\"", "propose = \"auditor\""));
    assert_eq!(reason(world.propose(&world.request(1, RECOVERY))), "CEREMONY_MISSING_ROLE");
    let by_erin = Request { proposer: "erin".parse().unwrap(), ..world.request(1, RECOVERY) };
    // Erin is the only one who could veto, and nobody vetoes the own request.
    assert_eq!(reason(world.propose(&by_erin)), "CEREMONY_QUORUM_UNREACHABLE");
    let world = World::with_policy(&POLICY.replace("cancel = \"officer\"", "propose = \"officer\""));
    assert_eq!(reason(world.propose(&world.request(1, RECOVERY))), "proposed");
}

#[test]
fn shares_for_someone_whom_nobody_knows() {
    let world = World::with_policy(&format!(
        "{POLICY}\n[rules.reshare]\napprovals = 3\norganisations = 2\nroles = {{ officer = 2 }}\nveto = \"auditor\"\ndelay_s = 3600\n\
         lifetime_max_s = 604800\nshares = 2"
    ));
    let reshare = |who| {
        let from = "from = { set = \"44444444444444444444444444444444\", epoch = 2, manifest = \"8888888888888888888888888888888888888888888888888888888888888888\" }";
        let act = format!(
            "[act.reshare]\nsubject = \"tenants/acme/keys/payments/versions/3\"\n{from}\nto = {{ threshold = 2, custodians = [\"frank\", \"{who}\"] }}\n{TARGET}"
        );
        reason(world.propose(&world.request(1, &act)))
    };
    assert_eq!(reshare("grace"), "proposed");
    assert_eq!(reshare("mallory"), "CEREMONY_UNKNOWN_CUSTODIAN");
}

#[test]
fn nothing_is_done_before_its_time() {
    let world = World::new();
    let begins_ms = START_MS + 5 * HOUR_MS;
    let late = Request { not_before_ms: begins_ms, ..world.request(1, RECOVERY) };
    let mut ceremony = world.propose(&late).unwrap();
    ceremony = ceremony.apply(What::Logged(b"receipt".to_vec().into()), after(1)).unwrap();
    assert_eq!(reason(ceremony.apply(What::Logged(b"receipt".to_vec().into()), after(1))), "CEREMONY_LOGGED_TWICE");
    for who in ["bob", "carol", "erin"] {
        ceremony = ceremony.apply(world.approval(&ceremony, who), after(2)).unwrap();
    }
    let ready = ceremony.apply(What::DelayPassed, after(DELAY_MS + 2)).unwrap();
    let (early, now) = (after(5 * HOUR_MS - 1), after(5 * HOUR_MS));
    assert_eq!(ready.awaited(early), Awaited::NotBefore(begins_ms));
    assert_eq!(reason(ready.apply(world.share(&ready, "frank", 1), early)), "CEREMONY_TOO_EARLY");
    assert_eq!(reason(ready.apply(What::Began, early)), "CEREMONY_TOO_EARLY");
    assert_eq!(reason(ready.apply(world.share(&ready, "frank", 1), now)), "ready");
    assert_eq!(ready.apply(What::Began, now), Err(Refusal::SharesMissing { missing: 2 }));
}

#[test]
fn cancelled_by_who_may() {
    let world = World::new();
    let ceremony = world.delayed();
    assert_eq!(reason(ceremony.apply(world.cancel(&ceremony, "alice"), after(20))), "cancelled");
    assert_eq!(reason(ceremony.apply(world.cancel(&ceremony, "dave"), after(20))), "cancelled");
    assert_eq!(reason(ceremony.apply(world.cancel(&ceremony, "frank"), after(20))), "CEREMONY_MISSING_ROLE");
    let executing = world.executing();
    assert_eq!(
        reason(executing.apply(world.cancel(&executing, "alice"), after(DELAY_MS + 30))),
        "CEREMONY_WRONG_STATE"
    );
}

#[test]
fn an_older_list_of_events_is_known_by_the_head_that_was_remembered() {
    let world = World::new();
    let ceremony = world.executed();
    let vetoed = {
        let delayed = world.delayed();
        delayed.apply(world.veto(&delayed, "erin"), after(20)).unwrap()
    };
    let events = ceremony.events();
    for len in 1..=events.len() {
        let older = Ceremony::replay(Arc::clone(&world.grounds), &events[..len]).unwrap();
        assert_eq!(ceremony.extends(&older.seen()), Ok(()));
        let known = if len == events.len() { Ok(()) } else { Err(Refusal::RolledBack) };
        assert_eq!(older.extends(&ceremony.seen()), known);
    }
    assert_eq!(ceremony.extends(&vetoed.seen()), Err(Refusal::RolledBack));
    assert_eq!(vetoed.extends(&ceremony.seen()), Err(Refusal::RolledBack));
}

#[test]
fn events_dropped_doubled_exchanged_or_moved_in_time() {
    let world = World::new();
    let events = world.executed().events().to_vec();
    let replay = |events: &[hufu_ceremony::Event]| Ceremony::replay(Arc::clone(&world.grounds), events);
    assert!(replay(&[]).is_err());
    for place in 0..events.len() {
        if place + 1 < events.len() {
            let mut dropped = events.clone();
            dropped.remove(place);
            assert!(replay(&dropped).is_err(), "dropped {place}");
            let mut exchanged = events.clone();
            exchanged.swap(place, place + 1);
            assert!(replay(&exchanged).is_err(), "exchanged {place}");
            let mut moved = events.clone();
            moved[place].at.wall_ms += 1;
            assert!(replay(&moved).is_err(), "moved {place}");
        }
        let mut doubled = events.clone();
        doubled.insert(place, events[place].clone());
        let refused = replay(&doubled);
        assert!(matches!(refused, Err(Refusal::Event { at, .. }) if at == place + 2), "doubled {place}: {refused:?}");
    }
}

#[test]
fn a_policy_and_a_roster_change_under_the_old_ones() {
    let world = World::new();
    let next = CeremonyPolicy::from_toml(&POLICY.replace("number = 1", "number = 2")).unwrap();
    let done = |act: &str| {
        let ceremony = world.propose(&world.request(1, act)).unwrap();
        let approve = |so_far: Ceremony, who| so_far.apply(world.approval(&so_far, who), after(2)).unwrap();
        let approved = ["bob", "carol", "dave"].into_iter().fold(ceremony, approve);
        let ready = approved.apply(What::DelayPassed, after(DELAY_MS + 2)).unwrap();
        let began = ready.apply(What::Began, after(DELAY_MS + 3)).unwrap();
        let done = What::Executed("done".try_into().unwrap(), Vec::new());
        (began.clone(), began.apply(done, after(DELAY_MS + 4)).unwrap())
    };
    let (began, ended) = done(&format!("[act.policy-change]\nnext = \"{}\"", next.hash()));
    assert!(ended.puts_in_force(&next) && !began.puts_in_force(&next));
    assert!(!ended.puts_in_force(world.grounds.policy()));
    let old = world.grounds.roster();
    let roster = old.next(world.people[1..].iter().map(entry).collect()).unwrap();
    let (began, ended) = done(&format!("[act.roster-change]\nnext = \"{}\"", roster.hash()));
    assert!(ended.seats(&roster) && !began.seats(&roster) && !ended.seats(old));
    // A roster that does not follow the one in force takes no seat, even if its hash was approved.
    let stray = Roster::first("log.example", world.people[1..].iter().map(entry).collect()).unwrap();
    let (_, ended) = done(&format!("[act.roster-change]\nnext = \"{}\"", stray.hash()));
    assert!(!ended.seats(&stray));
}

#[test]
fn one_person_cannot_fill_the_list_of_events() {
    let world = World::new();
    let brief = |ceremony: &Ceremony, ms| {
        let soon = move |d: &mut hufu_ceremony::Decision| d.expires_at_ms = START_MS + ms + 1;
        ceremony.apply(world.odd_approval(ceremony, "bob", soon), after(ms))
    };
    let thrice = brief(&brief(&brief(&world.recovery(), 2).unwrap(), 3).unwrap(), 4).unwrap();
    assert_eq!(reason(brief(&thrice, 5)), "CEREMONY_TOO_MANY");
    let mut executing = world.executing();
    let step = |place: usize| What::StepDone(format!("step-{place}").try_into().unwrap(), b"".to_vec().into());
    for place in 0..256 {
        executing = executing.apply(step(place), after(DELAY_MS + 30)).unwrap();
    }
    assert_eq!(reason(executing.apply(step(256), after(DELAY_MS + 30))), "CEREMONY_TOO_MANY");
    let long = What::Failed("no".try_into().unwrap());
    assert_eq!(reason(executing.apply(long, after(DELAY_MS + 30))), "failed");
    let large = What::Logged(vec![0; (16 << 10) + 1].into());
    let proposed = world.propose(&world.request(1, RECOVERY)).unwrap();
    assert_eq!(reason(proposed.apply(large, after(1))), "CEREMONY_TOO_LARGE");
}
