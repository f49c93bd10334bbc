//! A deployment with seven people, and a recovery that they go through.

#![allow(dead_code, reason = "each test uses its part")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::sync::Arc;

use hufu_ceremony::{
    At, Ceremony, CeremonyPolicy, Decision, Fingerprint, Grounds, Refusal, Request, ShareStatement, StruckShare,
    What, Word,
};
use hufu_custodian::testing::Person;
use hufu_custodian::{Custodian, Roster, Signed};

/// 2026-11-21T09:00:00Z
pub(crate) const START_MS: u64 = 1_795_251_600_000;
pub(crate) const DELAY_MS: u64 = 3_600_000;
pub(crate) const HOUR_MS: u64 = 3_600_000;

pub(crate) const POLICY: &str = r#"
format = 1
deployment = "log.example"
number = 1

[rules.recovery]
approvals = 3
organisations = 2
roles = { officer = 2 }
veto = "auditor"
cancel = "officer"
delay_s = 3600
lifetime_max_s = 604800
shares = 2

[rules.destruction]
approvals = 2
organisations = 1
lifetime_max_s = 604800

[rules.policy-change]
approvals = 3
organisations = 2
roles = { officer = 2 }
veto = "auditor"
delay_s = 3600
lifetime_max_s = 604800

[rules.roster-change]
approvals = 3
organisations = 2
roles = { officer = 2 }
veto = "auditor"
delay_s = 3600
lifetime_max_s = 604800
"#;

pub(crate) const RECOVERY: &str = r#"
[act.recovery]
key = "tenants/acme/keys/payments"
version = 3
public_key = "3333333333333333333333333333333333333333333333333333333333333333"
shares = { set = "44444444444444444444444444444444", epoch = 2, manifest = "8888888888888888888888888888888888888888888888888888888888888888" }

[act.recovery.target]
kind = "process"
sealing_key = "5555555555555555555555555555555555555555555555555555555555555555"
"#;

pub(crate) const DESTRUCTION: &str = "[act.destruction]\nkey = \"tenants/acme/keys/old\"\nversion = 1\n";
pub(crate) const TARGET: Fingerprint = Fingerprint([0x55; 32]);

/// Name, organisation, roles.
const PEOPLE: [(&str, &str, &[&str]); 7] = [
    ("alice", "north", &["officer"]),
    ("bob", "north", &["officer"]),
    ("carol", "south", &["officer"]),
    ("dave", "south", &["officer"]),
    ("erin", "east", &["auditor"]),
    ("frank", "north", &["custodian"]),
    ("grace", "south", &["custodian"]),
];

pub(crate) fn at(wall_ms: u64, uptime_ms: u64) -> At {
    At { wall_ms, uptime_ms }
}

/// So long after the start, by both clocks.
pub(crate) fn after(ms: u64) -> At {
    at(START_MS + ms, ms)
}

pub(crate) struct World {
    pub(crate) people: Vec<Person>,
    pub(crate) grounds: Arc<Grounds>,
}

pub(crate) fn entry(person: &Person) -> Custodian {
    let roles = PEOPLE.iter().find(|row| row.0 == person.name().as_str()).map_or(&[][..], |row| row.2);
    Custodian { roles: roles.iter().map(|role| role.parse().unwrap()).collect(), ..person.custodian() }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_policy(POLICY)
    }

    pub(crate) fn with_policy(policy: &str) -> Self {
        let people: Vec<Person> = PEOPLE.iter().map(|(name, of, _)| Person::new(name, of)).collect();
        let roster = Roster::first("log.example", people.iter().map(entry).collect()).unwrap();
        let policy = CeremonyPolicy::from_toml(policy).unwrap();
        Self { people, grounds: Arc::new(Grounds::new(roster, policy).unwrap()) }
    }

    pub(crate) fn person(&self, name: &str) -> &Person {
        self.people.iter().find(|person| person.name().as_str() == name).unwrap()
    }

    /// A request of alice's, for seven days.
    pub(crate) fn request(&self, number: u64, act: &str) -> Request {
        self.request_with(number, "", act)
    }

    pub(crate) fn request_with(&self, number: u64, more: &str, act: &str) -> Request {
        let file = format!(
            "format = 1\ndeployment = \"log.example\"\nnumber = {number}\ntitle = \"A title\"\nreason = \"A reason\"\n\
             proposer = \"alice\"\nroster = \"{}\"\npolicy = \"{}\"\n\
             not_before = 2026-11-21T09:00:00Z\nexpires_at = 2026-11-28T09:00:00Z\n{more}\n{act}",
            self.grounds.roster_hash(),
            self.grounds.policy_hash(),
        );
        Request::from_toml(&file).unwrap()
    }

    pub(crate) fn propose(&self, request: &Request) -> Result<Ceremony, Refusal> {
        let proposal = self.person(request.proposer.as_str()).sign(request.to_bytes());
        Ceremony::propose(Arc::clone(&self.grounds), proposal, after(0))
    }

    /// A recovery whose request is logged.
    pub(crate) fn recovery(&self) -> Ceremony {
        let proposed = self.propose(&self.request(1, RECOVERY)).unwrap();
        proposed.apply(What::Logged(b"receipt".to_vec().into()), after(1)).unwrap()
    }

    /// A recovery whose quorum is there since the millisecond 10.
    pub(crate) fn delayed(&self) -> Ceremony {
        let approve = |ceremony: Ceremony, who| ceremony.apply(self.approval(&ceremony, who), after(10)).unwrap();
        ["bob", "carol", "erin"].into_iter().fold(self.recovery(), approve)
    }

    /// A recovery whose delay is over.
    pub(crate) fn ready(&self) -> Ceremony {
        self.delayed().apply(What::DelayPassed, after(DELAY_MS + 10)).unwrap()
    }

    /// A recovery that goes on.
    pub(crate) fn executing(&self) -> Ceremony {
        let now = after(DELAY_MS + 20);
        let one = self.ready();
        let two = one.apply(self.share(&one, "frank", 1), now).unwrap();
        let three = two.apply(self.share(&two, "grace", 4), now).unwrap();
        three.apply(What::Began, now).unwrap()
    }

    /// A recovery that is done.
    pub(crate) fn executed(&self) -> Ceremony {
        let now = after(DELAY_MS + 30);
        let step = What::StepDone("opened".try_into().unwrap(), b"note".to_vec().into());
        let done = What::Executed("version 4 is active".try_into().unwrap(), vec![b"receipt".to_vec().into()]);
        self.executing().apply(step, now).unwrap().apply(done, now).unwrap()
    }

    pub(crate) fn decide(&self, ceremony: &Ceremony, who: &str, word: Word, expires_at_ms: u64) -> Signed {
        let person = self.person(who);
        person.sign(ceremony.decision(&person.name(), word, (START_MS + 1, expires_at_ms)).to_bytes())
    }

    pub(crate) fn approval(&self, ceremony: &Ceremony, who: &str) -> What {
        What::Approved(self.decide(ceremony, who, Word::Approve, START_MS + 24 * HOUR_MS))
    }

    pub(crate) fn veto(&self, ceremony: &Ceremony, who: &str) -> What {
        What::Vetoed(self.decide(ceremony, who, Word::Veto, START_MS + 24 * HOUR_MS))
    }

    pub(crate) fn cancel(&self, ceremony: &Ceremony, who: &str) -> What {
        What::Cancelled(self.decide(ceremony, who, Word::Cancel, START_MS + 24 * HOUR_MS))
    }

    /// An approval with something changed before it is signed.
    pub(crate) fn odd_approval(&self, ceremony: &Ceremony, who: &str, change: impl FnOnce(&mut Decision)) -> What {
        let person = self.person(who);
        let mut decision = ceremony.decision(&person.name(), Word::Approve, (START_MS + 1, START_MS + 24 * HOUR_MS));
        change(&mut decision);
        What::Approved(person.sign(decision.to_bytes()))
    }

    pub(crate) fn share(&self, ceremony: &Ceremony, who: &str, index: u32) -> What {
        self.odd_share(ceremony, who, index, |_| ())
    }

    /// What is struck out of what someone brought, if it was.
    pub(crate) fn struck(&self, ceremony: &Ceremony, who: &str) -> Option<StruckShare> {
        let brought = ceremony.shares().iter().find(|share| share.who.as_str() == who)?;
        Some(StruckShare { index: brought.index, digest: brought.digest, ..self.struck_by(who) })
    }

    /// Share 1 of someone, struck out.
    pub(crate) fn struck_by(&self, who: &str) -> StruckShare {
        let why = "it is not what was dealt".try_into().unwrap();
        StruckShare { who: who.parse().unwrap(), index: 1, digest: Fingerprint([1; 32]), why }
    }

    /// A recovery that goes on, in which what frank brought was struck out.
    pub(crate) fn struck_out(&self) -> Ceremony {
        let executing = self.executing();
        let struck = self.struck(&executing, "frank").unwrap();
        executing.apply(What::SharesStruck(vec![struck]), after(DELAY_MS + 25)).unwrap()
    }

    /// A share with something changed before it is signed.
    pub(crate) fn odd_share(
        &self,
        ceremony: &Ceremony,
        who: &str,
        index: u32,
        change: impl FnOnce(&mut ShareStatement),
    ) -> What {
        let person = self.person(who);
        let digest = Fingerprint([u8::try_from(index % 251).unwrap(); 32]);
        let target = ceremony.request().act.target().map(|target| target.sealing_key);
        let mut statement = ceremony.share_statement(&person.name(), index, digest, target).unwrap();
        change(&mut statement);
        What::ShareSubmitted(person.sign(statement.to_bytes()))
    }
}
