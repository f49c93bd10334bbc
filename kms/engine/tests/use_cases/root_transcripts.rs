//! Openings of a root that custodians hold: written down with the start, or not at all.

use hufu_core::changeset::{Collection, Row};
use hufu_core::record::{Deployment, Record as _, RootTranscriptRecord};
use hufu_core::{Error, Reason};
use hufu_custodian::testing::{self, Person};
use hufu_custodian::{Name, Roster, VerifyingKey};
use hufu_engine::RootOpening;
use hufu_engine::api::{PageRequest, RootTranscriptView};
use hufu_secret::SecretBytes;
use hufu_shares::{HandoverRequest, RootPins, RootTranscript, Share, SignedManifest, Subject, Terms, Wanted, deal};
use hufu_verify::verify_receipt;

use crate::common::server::Server;
use crate::common::world::{ALICE, World};

/// Two of three hold the root of a server that is about to start.
struct Sealed {
    world: World,
    people: Vec<Person>,
    roster: Roster,
    log_key: VerifyingKey,
    manifest: SignedManifest,
    shares: Vec<Share>,
}

impl Sealed {
    fn new() -> Self {
        Self::in_world(World::new())
    }

    fn in_world(world: World) -> Self {
        let people = testing::people(3);
        let roster = testing::roster(&people);
        let row = world.site.store.snapshot().rows[&Collection::Meta][Deployment::ID].clone();
        let deployment = Deployment::from_row(&row).unwrap();
        let log_key = VerifyingKey::from_spki(&deployment.log_public_key).unwrap();
        let names: Vec<Name> = people.iter().map(Person::name).collect();
        let subject = Subject { name: format!("root/{}", deployment.id), public_key: None };
        let terms = Terms {
            subject: &subject,
            threshold: 2,
            holders: &names,
            roster: &roster,
            dealer: &log_key,
            now_ms: 1,
            after: None,
        };
        let dealt = deal(&terms, &SecretBytes::from_slice(&[7; 32]), world.site.chance.as_ref()).unwrap();
        let signature = world.site.token.find(deployment.log_key).unwrap().sign(&dealt.statement());
        let (manifest, shares) = dealt.signed(&signature).unwrap();
        Self { world, people, roster, log_key, manifest, shares }
    }

    /// Custodians 1 and 3 hand their shares over to a server.
    fn opening(&self) -> RootOpening {
        let request = HandoverRequest {
            wanted: Wanted::Unseal,
            manifest: self.manifest.digest(),
            target: Person::new("server", "hufu").custodian().sealing,
            made_at_ms: 1_000,
            expires_at_ms: 9_000,
        };
        let hand = |at: usize| {
            let opened = self.shares[at].open(&self.log_key, &self.people[at]).unwrap();
            self.people[at].sign(opened.reseal(&request.target, &request.digest()).unwrap().statement())
        };
        RootOpening {
            roster: self.roster.clone(),
            manifest: self.manifest.clone(),
            certificate: [9; 32],
            statements: vec![hand(0), hand(2)],
            by: vec![self.people[0].name(), self.people[2].name()],
            request,
            at_ms: 2_000,
        }
    }

    fn open(&mut self) -> Result<(), Error> {
        let opening = self.opening();
        self.world.run(async |server| server.engine.announce_opened_start(&opening).await)
    }

    fn list(&mut self) -> Vec<RootTranscriptView> {
        let (mut token, mut all) = (String::new(), Vec::new());
        loop {
            let page = PageRequest { size: 0, token };
            let call = async |server: &Server, caller| server.engine.list_root_transcripts(&caller, &page).await;
            let found = self.world.call(ALICE, call).unwrap();
            all.extend(found.items);
            token = found.next;
            if token.is_empty() {
                return all;
            }
        }
    }

    fn fetch(&mut self, number: u64) -> Result<RootTranscriptView, Error> {
        self.world.call(ALICE, async |server: &Server, caller| server.engine.root_transcript(&caller, number).await)
    }

    fn pins(&self) -> RootPins {
        let deployment = self.world.server.log_key.name().to_owned();
        RootPins { roster: self.roster.hash(), log_key: self.log_key.clone(), deployment }
    }
}

#[test]
fn an_opening_is_written_down_with_the_start_and_proven_by_the_ledger() {
    let mut sealed = Sealed::new();
    sealed.open().unwrap();
    let listed = sealed.list();
    assert_eq!((listed.len(), listed[0].number, listed[0].server.as_deref()), (1, 1, Some("w1")));
    assert_eq!(listed[0].by, ["custodian-1", "custodian-3"]);
    let verify = |sealed: &mut Sealed| {
        let found = sealed.fetch(1).unwrap();
        RootTranscript::from_bytes(&found.transcript).unwrap().verify(&sealed.pins()).unwrap()
    };
    assert!(verify(&mut sealed).receipt.is_empty());
    sealed.world.sequence();
    let report = verify(&mut sealed);
    assert_eq!(report.by, [sealed.people[0].name(), sealed.people[2].name()]);
    let leaf = verify_receipt(&report.receipt, &sealed.world.server.log_key).unwrap().leaf;
    assert_eq!((leaf.key_id, report.record.digest()), (Some(listed[0].digest), listed[0].digest));
    assert_eq!(sealed.fetch(0).unwrap_err().reason(), Reason::CeremonyNotFound);
}

#[test]
fn an_opening_that_is_not_committed_left_nothing() {
    let mut sealed = Sealed::new();
    let opening = sealed.opening();
    let cut = sealed.world.run_cut(0, async |server| server.engine.announce_opened_start(&opening).await);
    assert!(cut.is_none());
    sealed.world.restart();
    assert_eq!((sealed.world.rows(Collection::RootTranscript), sealed.list().len()), (0, 0));
    sealed.open().unwrap();
    let listed = sealed.list();
    assert_eq!((listed[0].number, listed[0].server.as_deref()), (1, Some("w2")));
}

#[test]
fn the_newest_openings_are_kept() {
    let mut sealed = Sealed::new();
    let kept = RootTranscriptRecord::OPENINGS_KEPT;
    for _ in 0..kept + 2 {
        sealed.open().unwrap();
    }
    let listed = sealed.list();
    assert_eq!(listed.len() as u64, kept);
    assert_eq!((listed[0].number, listed.last().unwrap().number), (3, kept + 2));
    assert_eq!(sealed.fetch(2).unwrap_err().reason(), Reason::CeremonyNotFound);
}

#[test]
fn a_changed_row_is_locked() {
    let mut sealed = Sealed::new();
    sealed.open().unwrap();
    let id = RootTranscriptRecord::row_id(1);
    let row: Row = sealed.world.site.store.snapshot().rows[&Collection::RootTranscript][&id].clone();
    let mut record = RootTranscriptRecord::from_row(&row).unwrap();
    record.confirmations.push(b"somebody".to_vec().into());
    let changed = Row { body: record.to_row(row.revision).body, ..row };
    sealed.world.site.store.tamper(|state| {
        state.rows.get_mut(&Collection::RootTranscript).unwrap().insert(changed.id.clone(), changed);
    });
    assert_eq!(sealed.fetch(1).unwrap_err().reason(), Reason::Quarantined);
}

/// Whatever became of the newest row, the server starts, and writes its opening down after it.
#[test]
fn a_row_that_cannot_be_read_stops_no_start() {
    let numbered = [(1, 2), (5, 6), (u64::MAX, 2)].map(|(number, next)| (RootTranscriptRecord::row_id(number), next));
    for (id, next) in numbered.into_iter().chain([("somebody's".to_owned(), 2)]) {
        let mut sealed = Sealed::new();
        sealed.open().unwrap();
        let first = RootTranscriptRecord::row_id(1);
        sealed.world.site.store.tamper(|state| {
            let rows = state.rows.get_mut(&Collection::RootTranscript).unwrap();
            let mut row = rows[&first].clone();
            row.id = id.clone();
            row.body = b"nothing that was written so".to_vec();
            rows.insert(id.clone(), row);
        });
        sealed.open().unwrap();
        assert_eq!(sealed.fetch(next).unwrap().server.as_deref(), Some("w1"), "{id}");
        assert!(sealed.world.server.alarms.is_raised("quarantine", &format!("rootTranscripts/{id}")));
    }
}

/// A log may be called what a key may be called, and what was written with that name is read again.
#[test]
fn openings_of_a_log_in_another_script_are_read() {
    let mut sealed = Sealed::in_world(World::called("虎符.example"));
    for _ in 0..2 {
        sealed.open().unwrap();
    }
    sealed.world.sequence();
    let found = sealed.fetch(2).unwrap();
    let report = RootTranscript::from_bytes(&found.transcript).unwrap().verify(&sealed.pins()).unwrap();
    assert_eq!(report.record.deployment, "虎符.example");
}
