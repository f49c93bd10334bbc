//! Transcripts: who has only the pins, learns the truth or an error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::convert::Infallible;
use std::sync::Arc;

use common::*;
use hufu_ceremony::{
    Ceremony, CeremonyPolicy, Decision, Grounds, Pins, PolicyHash, Refusal, Request, State, Text, Transcript, What,
    Word, verify,
};
use hufu_custodian::RosterHash;
use hufu_custodian::testing::Person;

struct Service {
    key: Person,
}

impl Service {
    fn new() -> Self {
        Self { key: Person::new("service", "hufu") }
    }

    fn close(&self, ceremony: &Ceremony) -> Transcript {
        let sign = |bytes: &[u8]| Ok::<_, Infallible>(self.key.sign(bytes.to_vec()).signature);
        Transcript::close(ceremony, "hufud/0.1.0".try_into().unwrap(), sign).unwrap()
    }

    fn pins(&self, world: &World) -> Pins {
        let service = self.key.custodian().signing;
        let (roster, policy) = (world.grounds.roster_hash(), Some(world.grounds.policy_hash()));
        Pins { roster, policy, service, seen: None }
    }
}

#[test]
fn a_transcript_tells_what_happened_and_who_approved_for_whom() {
    let (world, service) = (World::new(), Service::new());
    let ceremony = world.executed();
    let report = verify(&service.close(&ceremony).to_bytes(), &service.pins(&world)).unwrap();
    assert_eq!(report.ceremony(), &ceremony);
    let approvers: Vec<String> =
        report.approvers().iter().map(|one| format!("{} of {}", one.name, one.organisation)).collect();
    assert_eq!(approvers, ["bob of north", "carol of south", "erin of east"]);
    let words = report.words();
    for line in [
        "state: executed",
        "software: hufud/0.1.0",
        "approvals: 3 of 3 approvals, 3 of 2 organisations, 2 of 2 as officer",
        "2026-11-21T09:00:00Z  proposed by alice (\"The one called alice\") of north",
        "2026-11-21T09:00:00.010Z  approved by erin (\"The one called erin\") of east at 2026-11-21T09:00:00.001Z by their own clock",
        "2026-11-21T10:00:00.010Z  delay over, by both clocks",
        "done: \"version 4 is active\"",
        "key: \"tenants/acme/keys/payments\"",
    ] {
        assert!(words.contains(line), "{line}\n{words}");
    }
    assert!(words.contains(&ceremony.digest().to_string()));
    assert!(words.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
}

#[test]
fn a_ceremony_that_was_rejected_has_a_transcript_too() {
    let (world, service) = (World::new(), Service::new());
    let delayed = world.delayed();
    let erin = world.person("erin");
    let mut decision = delayed.decision(&erin.name(), Word::Veto, (START_MS + 15, START_MS + HOUR_MS));
    decision.reason = Some("the fire is a lie".try_into().unwrap());
    let rejected = delayed.apply(What::Vetoed(erin.sign(decision.to_bytes())), after(20)).unwrap();
    let report = verify(&service.close(&rejected).to_bytes(), &service.pins(&world)).unwrap();
    assert_eq!(report.ceremony().state(), State::Rejected);
    assert!(report.words().contains("by their own clock, because \"the fire is a lie\""), "{}", report.words());
}

#[test]
fn one_byte_changed_anywhere_is_refused() {
    let (world, service) = (World::new(), Service::new());
    let bytes = service.close(&world.executed()).to_bytes();
    let pins = service.pins(&world);
    assert!(verify(&bytes, &pins).is_ok());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= [1, 0x80, 0xff][at % 3];
        assert!(verify(&changed, &pins).is_err(), "byte {at}");
        assert!(verify(&bytes[..at], &pins).is_err(), "cut at {at}");
    }
    assert!(verify(&[&bytes[..], &[0]].concat(), &pins).is_err());
}

#[test]
fn other_pins_are_refused() {
    let (world, service) = (World::new(), Service::new());
    let bytes = service.close(&world.executed()).to_bytes();
    let pins = service.pins(&world);
    let refused = |pins: Pins| verify(&bytes, &pins).unwrap_err();
    assert_eq!(refused(Pins { roster: RosterHash([9; 32]), ..pins.clone() }), Refusal::OtherRoster);
    assert_eq!(refused(Pins { policy: Some(PolicyHash([9; 32])), ..pins.clone() }), Refusal::OtherPolicy);
    assert!(verify(&bytes, &Pins { policy: None, ..pins.clone() }).is_ok());
    assert_eq!(refused(Service::new().pins(&world)), Refusal::ServiceSignature);
    // Everyone is someone else in a deployment that was made to look the same.
    let impostors = World::new();
    let forged = service.close(&impostors.executed()).to_bytes();
    assert_eq!(verify(&forged, &pins), Err(Refusal::OtherRoster));
}

#[test]
fn a_transcript_that_ends_earlier_than_what_was_seen_is_refused() {
    let (world, service) = (World::new(), Service::new());
    let (older, newer) = (world.ready(), world.executed());
    let pins = service.pins(&world);
    let seen = |ceremony: &Ceremony| Pins { seen: Some(ceremony.seen()), ..pins.clone() };
    let [old, new] = [&older, &newer].map(|ceremony| service.close(ceremony).to_bytes());
    assert!(verify(&new, &seen(&newer)).is_ok());
    // Ed25519 is deterministic: both ceremonies begin with the same events.
    assert!(verify(&new, &seen(&older)).is_ok());
    assert_eq!(verify(&old, &seen(&newer)), Err(Refusal::RolledBack));
}

#[test]
fn the_closing_of_one_ceremony_closes_no_other() {
    let (world, service) = (World::new(), Service::new());
    let pins = service.pins(&world);
    let long = service.close(&world.executed()).to_bytes();
    let short = service.close(&world.executing()).to_bytes();
    // The signature is the last field: 64 bytes.
    let mixed = [&short[..short.len() - 64], &long[long.len() - 64..]].concat();
    assert_eq!(verify(&mixed, &pins), Err(Refusal::ServiceSignature));
}

#[test]
fn a_service_that_signs_a_wrong_story_is_found_out() {
    let (world, service) = (World::new(), Service::new());
    let pins = service.pins(&world);
    // The service holds its own key, but not the people's: its transcript has one approval too few for what it says.
    let told = service.close(&world.executed());
    let mut changed = told.to_bytes();
    let approval = world.executed().events()[3].to_bytes();
    let inner = &approval[approval.len() - 64..];
    let place = changed.windows(64).position(|window| window == inner).unwrap();
    changed[place] ^= 1;
    let refused = verify(&changed, &pins).unwrap_err();
    assert!(matches!(&refused, Refusal::Event { at: 4, .. }), "{refused}");
    assert_eq!(refused.reason(), "CEREMONY_BAD_SIGNATURE");
    assert!(refused.to_string().starts_with("event 4: the signature of `carol`"), "{refused}");
}

/// The longest story that can be told: all that the limits allow of everything.
#[test]
fn the_longest_ceremony_has_a_transcript_that_is_read() {
    let people: Vec<Person> = (0..80).map(|at| Person::new(&format!("p-{at}"), "north")).collect();
    let rule =
        "approvals = 64\norganisations = 1\ndelay_s = 1\nveto = \"officer\"\nlifetime_max_s = 604800\nshares = 1";
    let policy = format!("format = 1\ndeployment = \"log.example\"\nnumber = 1\n[rules.recovery]\n{rule}");
    let roster = hufu_custodian::testing::roster(&people);
    let grounds = Grounds::new(roster, CeremonyPolicy::from_toml(&policy).unwrap()).unwrap();
    let world = World { people, grounds: Arc::new(grounds) };
    let long: Text = "é".repeat(1000).as_str().try_into().unwrap();
    let request = Request { proposer: "p-0".parse().unwrap(), reason: long.clone(), ..world.request(1, RECOVERY) };
    let receipt = || minicbor::bytes::ByteVec::from(vec![7; 16 << 10]);
    let mut ceremony = world.propose(&request).unwrap().apply(What::Logged(receipt()), after(1)).unwrap();
    for turn in 0..3 {
        for who in 1..=64 {
            let odd = |d: &mut Decision| {
                d.reason = Some(long.clone());
                d.expires_at_ms = if turn == 2 { u64::MAX } else { START_MS + 2000 * (turn + 1) };
            };
            let approval = world.odd_approval(&ceremony, &format!("p-{who}"), odd);
            ceremony = ceremony.apply(approval, after(2000 * turn + 2)).unwrap();
        }
    }
    ceremony = ceremony.apply(What::DelayPassed, after(9000)).unwrap();
    for index in 1..=64 {
        ceremony = ceremony.apply(world.share(&ceremony, &format!("p-{index}"), index), after(9000)).unwrap();
    }
    ceremony = ceremony.apply(What::Began, after(9000)).unwrap();
    let why: Text = "é".repeat(200).as_str().try_into().unwrap();
    let struck = |index| hufu_ceremony::StruckShare {
        why: why.clone(),
        ..world.struck(&ceremony, &format!("p-{index}")).unwrap()
    };
    let all = What::SharesStruck((1..=64).map(struck).collect());
    ceremony = ceremony.apply(all, after(9000)).unwrap();
    let anew = world.odd_share(&ceremony, "p-7", 7, |share| share.digest.0[0] ^= 0xff);
    ceremony = ceremony.apply(anew, after(9000)).unwrap();
    let once_more = What::SharesStruck(vec![world.struck(&ceremony, "p-7").unwrap()]);
    assert!(matches!(ceremony.apply(once_more, after(9000)), Err(Refusal::TooMany { .. })));
    for step in 0..256 {
        let label = format!("{step:0256}").as_str().try_into().unwrap();
        ceremony = ceremony.apply(What::StepDone(label, vec![7; 4 << 10].into()), after(9000)).unwrap();
    }
    let ended = ceremony.apply(What::Executed(long, vec![receipt(); 16]), after(9000)).unwrap();
    let service = Service::new();
    let bytes = service.close(&ended).to_bytes();
    println!("{} events, {} bytes", ended.events().len(), bytes.len());
    assert_eq!(verify(&bytes, &service.pins(&world)).unwrap().ceremony(), &ended);
}
