//! No kind of ceremony that opens a secret is weaker than a recovery: random policies, and random people who try.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::cell::Cell;
use std::collections::BTreeMap;

use hufu_ceremony::{CeremonyPolicy, Kind, Request, Rule, quorum};
use hufu_custodian::testing::Person;
use hufu_custodian::{Custodian, Name};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const OPENING: [Kind; 3] = [Kind::Drill, Kind::Refresh, Kind::Reshare];
const PEOPLE: [(&str, &str, &[&str]); 6] = [
    ("ann", "north", &["officer"]),
    ("ben", "north", &["officer", "auditor"]),
    ("cho", "south", &["auditor"]),
    ("dee", "south", &["officer"]),
    ("eve", "east", &[]),
    ("fay", "east", &["auditor"]),
];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn role() -> impl Strategy<Value = Option<Name>> {
    prop_oneof![Just(None), Just(Some(name("officer"))), Just(Some(name("auditor")))]
}

/// Rules that are near each other, so that many policies are taken and many are not.
fn rule() -> impl Strategy<Value = Rule> {
    let numbers = (1u32..5, 1u32..4, 1u32..3, 1u32..4, 0u32..3, 0u32..2);
    (numbers, role(), role(), any::<bool>()).prop_map(|(numbers, propose, veto, logged_first)| {
        let (approvals, organisations, delay_s, shares, officers, auditors) = numbers;
        let roles = [("officer", officers), ("auditor", auditors)];
        let roles = roles.into_iter().filter(|(_, count)| *count > 0).map(|(role, count)| (name(role), count));
        Rule {
            approvals,
            organisations,
            roles: roles.collect(),
            propose,
            veto,
            cancel: None,
            delay_s,
            lifetime_max_s: 100,
            shares,
            logged_first,
            only: false,
        }
    })
}

/// A recovery, sometimes; and what opens secrets, each sometimes: of a rule of its own, or of one like the recovery's.
fn policy() -> impl Strategy<Value = CeremonyPolicy> {
    let others = prop::collection::vec((prop::option::of(rule()), any::<bool>()), OPENING.len());
    (prop::option::weighted(0.8, rule()), others).prop_map(|(recovery, others)| {
        let mut rules = BTreeMap::new();
        for (kind, (own, alike)) in OPENING.into_iter().zip(others) {
            let rule = if alike { own.and(recovery.clone()) } else { own };
            rules.extend(rule.map(|rule| (kind, rule)));
        }
        rules.extend(recovery.map(|rule| (Kind::Recovery, rule)));
        CeremonyPolicy { deployment: "log.example".try_into().unwrap(), number: 1, rules }
    })
}

/// The people of a set of bits.
fn group(bits: u8) -> Vec<Custodian> {
    let chosen = PEOPLE.into_iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    let entry = |(who, organisation, roles): (&str, &str, &[&str])| Custodian {
        roles: roles.iter().map(|role| name(role)).collect(),
        ..Person::new(who, organisation).custodian()
    };
    chosen.map(|(_, person)| entry(person)).collect()
}

/// Whether whoever could do one could not do the other.
fn is_weaker(rule: &Rule, recovery: &Rule, groups: &[Vec<Custodian>]) -> bool {
    let may_propose = |rule: &Rule, who: &Custodian| rule.propose.as_ref().is_none_or(|role| who.has_role(role));
    let stops = |rule: &Rule, who: &Custodian| rule.veto.as_ref().is_some_and(|role| who.has_role(role));
    let everyone = groups.last().unwrap();
    rule.shares < recovery.shares
        || rule.delay_s < recovery.delay_s
        || everyone.iter().any(|who| may_propose(rule, who) && !may_propose(recovery, who))
        || everyone.iter().any(|who| stops(recovery, who) && !stops(rule, who))
        || groups.iter().any(|of| quorum::count(of, rule).is_met() && !quorum::count(of, recovery).is_met())
}

#[test]
fn nothing_that_opens_secrets_is_weaker_than_a_recovery() {
    let groups: Vec<Vec<Custodian>> = (0..1u8 << PEOPLE.len()).map(group).collect();
    let config = ProptestConfig { cases: 1_200, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (taken, weaker) = (Cell::new(0u32), Cell::new(0u32));
    let outcome = TestRunner::new_with_rng(config, rng).run(&policy(), |policy| {
        let recovery = policy.rules.get(&Kind::Recovery);
        let mut opening = OPENING.iter().filter_map(|kind| policy.rules.get(kind));
        let hole = opening.clone().any(|rule| recovery.is_none_or(|recovery| is_weaker(rule, recovery, &groups)));
        match CeremonyPolicy::from_bytes(&policy.to_bytes()) {
            Ok(_) if opening.next().is_some() => {
                prop_assert!(!hole, "taken: {policy:?}");
                taken.set(taken.get() + 1);
            }
            Ok(_) => {}
            Err(_) => weaker.set(weaker.get() + u32::from(hole)),
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    println!("{} policies were taken, {} were refused that had a hole", taken.get(), weaker.get());
    assert!(taken.get() > 50 && weaker.get() > 50);
}

/// New shares of a root, whatever the rule for roots says.
#[test]
fn no_root_is_dealt_for_less_than_a_recovery() {
    let hash = "0".repeat(64);
    let request = Request::from_toml(&format!(
        "format = 1\ndeployment = \"log.example\"\nnumber = 1\ntitle = \"A title\"\nreason = \"A reason\"\n\
         proposer = \"ann\"\nroster = \"{hash}\"\npolicy = \"{hash}\"\nnot_before = 2026-11-21T09:00:00Z\n\
         expires_at = 2026-11-28T09:00:00Z\n[act.rotate-root]\nslot = \"custodians\"\n\
         [act.rotate-root.shares]\nthreshold = 1\ncustodians = [\"ann\"]\n"
    ))
    .unwrap();
    let groups: Vec<Vec<Custodian>> = (0..1u8 << PEOPLE.len()).map(group).collect();
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (taken, raised) = (Cell::new(0u32), Cell::new(0u32));
    let outcome = TestRunner::new_with_rng(config, rng).run(&(rule(), rule()), |(root, recovery)| {
        let rules = [(Kind::RotateRoot, Rule { shares: 0, ..root.clone() }), (Kind::Recovery, recovery.clone())];
        let deployment = "log.example".try_into().unwrap();
        let policy = CeremonyPolicy { deployment, number: 1, rules: rules.into() };
        let (Ok(policy), shares) = (CeremonyPolicy::from_bytes(&policy.to_bytes()), recovery.shares) else {
            return Ok(());
        };
        let Ok(terms) = policy.terms(&request) else { return Ok(()) };
        prop_assert!(terms.logged_first && terms.shares == 0);
        let terms = Rule { shares, ..terms };
        prop_assert!(!is_weaker(&terms, &recovery, &groups), "{terms:?} for {recovery:?}");
        prop_assert!(!is_weaker(&terms, &Rule { shares, ..root.clone() }, &groups), "{terms:?} for {root:?}");
        taken.set(taken.get() + 1);
        raised.set(raised.get() + u32::from(is_weaker(&Rule { shares, ..root }, &recovery, &groups)));
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    println!("{} requests were taken, {} of them under a rule that was raised", taken.get(), raised.get());
    assert!(taken.get() > 50 && raised.get() > 50);
}

#[test]
fn where_there_is_no_recovery_nothing_opens_secrets() {
    let rule = "approvals = 9\norganisations = 1\nveto = \"auditor\"\ndelay_s = 9\nlifetime_max_s = 10\nshares = 9\n";
    for kind in OPENING {
        let alone = format!("format = 1\ndeployment = \"log.example\"\nnumber = 1\n[rules.{kind}]\n{rule}");
        let refused = CeremonyPolicy::from_toml(&alone).unwrap_err().to_string();
        assert!(refused.contains("write a rule for `recovery`"), "{refused}");
        CeremonyPolicy::from_toml(&format!("{alone}[rules.recovery]\n{rule}")).unwrap();
        for (stricter, field) in [("propose = \"officer\"\n", "`propose`"), ("", "`shares`")] {
            let recovery =
                if stricter.is_empty() { rule.replace("shares = 9", "shares = 10") } else { rule.to_owned() };
            let refused = CeremonyPolicy::from_toml(&format!("{alone}[rules.recovery]\n{recovery}{stricter}"));
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("a way around `recovery`") && refused.contains(field), "{refused}");
        }
    }
}
