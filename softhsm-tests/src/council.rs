//! Four custodians of two organisations, who hold ceremonies in a service.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use hufu_ceremony::{Ceremony, CeremonyPolicy, Event, Grounds, Pins, Request, Word, time};
use hufu_custodian::testing::{self, Person};
use hufu_custodian::{Label, Roster, VerifyingKey, armour};
use hufu_sdk::{Client, v1};
use hufu_tlog::VerifierKey;

/// An Ed25519 SubjectPublicKeyInfo before the key itself (RFC 8410 §4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// The people, the policy that they gave themselves, and the service that they know.
#[expect(missing_debug_implementations, reason = "its people have private keys")]
pub struct Council {
    people: Vec<Person>,
    roster: Roster,
    policy: CeremonyPolicy,
    policy_file: String,
    service: VerifyingKey,
}

impl Council {
    /// Of a service that is running. `rules` are the tables of the policy.
    pub async fn of(client: &Client, rules: &str) -> Self {
        Self::of_people(client, rules, testing::people(4)).await
    }

    /// The same of people who are there already.
    pub async fn of_people(client: &Client, rules: &str, people: Vec<Person>) -> Self {
        let key = VerifierKey::parse(&client.log_key().await.unwrap().verifier_key).unwrap();
        let service = VerifyingKey::from_spki(&[&SPKI[..], key.public_key()].concat()).unwrap();
        let roster = Roster::first(key.name(), people.iter().map(Person::custodian).collect()).unwrap();
        let policy_file = format!("format = 1\ndeployment = \"{}\"\nnumber = 1\n{rules}", key.name());
        let policy = CeremonyPolicy::from_toml(&policy_file).unwrap();
        Self { people, roster, policy, policy_file, service }
    }

    /// Writes roster and policy into a directory. What the configuration of a server beside them must say.
    pub fn write(&self, directory: &Path) -> &'static str {
        let roster = armour::write(Label::Roster, &self.roster.to_bytes()).unwrap();
        fs::write(directory.join("roster.hufu"), roster).unwrap();
        fs::write(directory.join("ceremonies.toml"), &self.policy_file).unwrap();
        "[ceremonies]\nroster = \"roster.hufu\"\npolicy = \"ceremonies.toml\"\n"
    }

    /// One of them, from 1.
    pub fn person(&self, number: usize) -> &Person {
        self.people.iter().find(|person| person.name().as_str() == format!("custodian-{number}")).unwrap()
    }

    /// What whoever verifies a transcript knows.
    pub fn pins(&self) -> Pins {
        let policy = Some(self.policy.hash());
        Pins { roster: self.roster.hash(), policy, service: self.service.clone(), seen: None }
    }

    /// A request of the first of them. `act` is the rest of its file after `[act.`.
    pub fn request(&self, number: u64, act: &str) -> Request {
        let at = |ms: u64| time::show(ms / 1000 * 1000);
        let file = format!(
            "format = 1\ndeployment = \"{}\"\nnumber = {number}\ntitle = \"A rotation\"\nreason = \"It is time\"\n\
             proposer = \"custodian-1\"\nroster = \"{}\"\npolicy = \"{}\"\nnot_before = {}\nexpires_at = {}\n[act.{act}",
            self.roster.deployment(),
            hex::encode(self.roster.hash().0),
            self.policy.hash(),
            at(now_ms() - 60_000),
            at(now_ms() + 86_400_000),
        );
        Request::from_toml(&file).unwrap()
    }

    /// The same, signed.
    pub fn proposal(&self, number: u64, act: &str) -> Vec<u8> {
        self.person(1).sign(self.request(number, act).to_bytes()).to_bytes()
    }

    /// Brings a proposal.
    pub async fn propose(&self, client: &Client, number: u64, act: &str) -> v1::Ceremony {
        client.create_ceremony(self.proposal(number, act), Vec::new()).await.unwrap()
    }

    /// What a custodian's tool does: it replays what the server sent, on the roster and policy that it has pinned, and signs.
    pub async fn approval(&self, client: &Client, name: &str, who: usize) -> Vec<u8> {
        let sent = client.ceremony(name).await.unwrap();
        let events: Vec<Event> = sent.events.iter().map(|bytes| Event::from_bytes(bytes).unwrap()).collect();
        let grounds = Grounds::new(self.roster.clone(), self.policy.clone()).unwrap();
        let ceremony = Ceremony::replay(grounds.into(), &events).unwrap();
        assert_eq!(sent.request_digest, ceremony.digest().0, "the service shows the request that was signed");
        let person = self.person(who);
        let decision = ceremony.decision(&person.name(), Word::Approve, (now_ms(), now_ms() + 3_600_000));
        person.sign(decision.to_bytes()).to_bytes()
    }

    /// Approves as one of them.
    pub async fn approve(&self, client: &Client, name: &str, who: usize) -> v1::Ceremony {
        let approval = self.approval(client, name, who).await;
        client.approve_ceremony(name, approval).await.unwrap()
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}
