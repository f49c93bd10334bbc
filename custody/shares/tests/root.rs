//! Transcripts of a root that was split and of servers that were opened: each attack by name.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use std::sync::LazyLock;

use common::{Scene, random};
use hufu_custodian::Signed;
use hufu_custodian::testing::{self, Person};
use hufu_shares::{
    Deed, Error, Fault, HandoverRequest, LIFETIME_MS_MAX, Opening, Refusal, RootPins, RootRecord, RootReport,
    RootTranscript, Share, SignedManifest, Wanted,
};

const AT_MS: u64 = 1_790_000_100_000;
const LOG: &str = "log.example/1";

/// Three of five hold a root; a server asks for their shares.
struct Stage {
    scene: Scene,
    manifest: SignedManifest,
    shares: Vec<Share>,
    request: HandoverRequest,
}

static STAGE: LazyLock<Stage> = LazyLock::new(Stage::new);

impl Stage {
    fn new() -> Self {
        let scene = Scene::new(5);
        let (manifest, shares) = scene.deal(3, &random(32));
        let request = Self::request_of(&manifest);
        Self { scene, manifest, shares, request }
    }

    fn request_of(manifest: &SignedManifest) -> HandoverRequest {
        HandoverRequest {
            wanted: Wanted::Unseal,
            manifest: manifest.digest(),
            target: Person::new("server", "hufu").custodian().sealing,
            made_at_ms: AT_MS - 1_000,
            expires_at_ms: AT_MS + 1_000,
        }
    }

    fn pins(&self) -> RootPins {
        let (roster, log_key) = (self.scene.roster.hash(), self.scene.dealer_key.clone());
        RootPins { roster, log_key, deployment: LOG.to_owned() }
    }

    fn hand(&self, at: usize, request: &HandoverRequest) -> Signed {
        let resealed = self.scene.open(&self.shares[at]).reseal(&request.target, &request.digest()).unwrap();
        self.scene.people[at].sign(resealed.statement())
    }

    fn hands(&self, of: &[usize]) -> Vec<Signed> {
        of.iter().map(|at| self.hand(*at, &self.request)).collect()
    }

    fn confirm(&self, at: usize) -> Signed {
        self.scene.people[at].sign(self.scene.open(&self.shares[at]).confirm().to_bytes())
    }

    fn opening(&self, request: &HandoverRequest, statements: Vec<Signed>) -> Deed {
        Deed::Opened(Opening::new("0001-server".to_owned(), [9; 32], request, statements))
    }

    fn record(&self, at_ms: u64, deed: Deed) -> RootRecord {
        RootRecord::new((LOG, "hufud/0.1.0"), at_ms, &self.scene.roster, &self.manifest, deed)
    }

    fn opened(&self, statements: Vec<Signed>) -> RootRecord {
        self.record(AT_MS, self.opening(&self.request, statements))
    }

    fn split(&self) -> RootRecord {
        self.record(self.manifest.unverified().made_at_ms(), Deed::Split)
    }

    /// Closed by the log's key, whatever it says.
    fn close(&self, record: &RootRecord, confirmations: Vec<Signed>) -> RootTranscript {
        let open = RootTranscript::open(record, confirmations, b"a receipt".to_vec());
        let signature = self.scene.dealer.sign(open.closing()).signature;
        open.closed(signature)
    }

    fn verify(&self, record: &RootRecord) -> Result<RootReport, Error> {
        let transcript = self.close(record, Vec::new());
        RootTranscript::from_bytes(&transcript.to_bytes())?.verify(&self.pins())
    }
}

fn fault(result: Result<RootReport, Error>) -> (String, Fault) {
    match result {
        Err(Error::Refused(Refusal { custodian, fault, .. })) => (custodian.to_string(), fault),
        other => panic!("nobody is named: {other:?}"),
    }
}

fn says(result: Result<RootReport, Error>, words: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn an_opening_tells_whose_shares_opened_which_server() {
    let stage = &*STAGE;
    let report = stage.verify(&stage.opened(stage.hands(&[4, 0, 2]))).unwrap();
    let names: Vec<String> = report.by.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["custodian-1", "custodian-3", "custodian-5"]);
    assert_eq!((report.manifest.threshold(), report.receipt.as_slice()), (3, b"a receipt".as_slice()));
    let Deed::Opened(opening) = &report.record.deed else { panic!("an opening") };
    assert_eq!((opening.server.as_str(), opening.certificate), ("0001-server", [9; 32]));
}

/// A ciphertext that is published is a harvest for whoever breaks the target's key one day.
#[test]
fn nothing_that_is_sealed_is_in_it() {
    let stage = Stage::new();
    let mut statements = Vec::new();
    let mut sealed = Vec::new();
    for at in 0..3 {
        let opened = stage.scene.open(&stage.shares[at]);
        let resealed = opened.reseal(&stage.request.target, &stage.request.digest()).unwrap();
        let handed = resealed.clone().signed(stage.scene.people[at].sign(resealed.statement()));
        statements.push(handed.signed);
        sealed.push(handed.sealed);
    }
    let bytes = stage.close(&stage.opened(statements), Vec::new()).to_bytes();
    for sealed in &sealed {
        for piece in sealed.chunks(16).filter(|piece| piece.len() == 16).skip(1) {
            assert!(!bytes.windows(16).any(|window| window == piece));
        }
    }
}

#[test]
fn a_split_root_tells_who_has_confirmed() {
    let stage = &*STAGE;
    let verify = |confirmations| stage.close(&stage.split(), confirmations).verify(&stage.pins());
    assert!(verify(Vec::new()).unwrap().by.is_empty());
    let report = verify(vec![stage.confirm(3), stage.confirm(1)]).unwrap();
    assert_eq!(report.by, [stage.scene.people[1].name(), stage.scene.people[3].name()]);
    assert_eq!(fault(verify(vec![stage.confirm(1), stage.confirm(1)])), ("custodian-2".to_owned(), Fault::Twice));
    // Of shares that were dealt another time.
    let other = Stage { scene: Scene::new(1), ..Stage::new() };
    let stranger = Signed { signer: stage.scene.people[0].name(), ..other.scene.people[0].sign(b"rubbish".to_vec()) };
    assert!(matches!(verify(vec![stranger]), Err(Error::Custodian(_))));
    let (_, again) = stage.scene.deal(3, &random(32));
    let of_another = stage.scene.people[0].sign(stage.scene.open(&again[0]).confirm().to_bytes());
    assert_eq!(fault(verify(vec![of_another])), ("custodian-1".to_owned(), Fault::OtherSet));
    // Nobody confirms an opening.
    let opened = stage.close(&stage.opened(stage.hands(&[0, 1, 2])), vec![stage.confirm(0)]);
    says(opened.verify(&stage.pins()), "nobody confirms");
}

#[test]
fn one_byte_changed_verifies_no_more() {
    let stage = &*STAGE;
    let bytes = stage.close(&stage.opened(stage.hands(&[0, 1, 2])), Vec::new()).to_bytes();
    let verify = |bytes: &[u8]| RootTranscript::from_bytes(bytes).and_then(|read| read.verify(&stage.pins()));
    verify(&bytes).unwrap();
    for at in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            assert!(verify(&changed).is_err(), "byte {at}");
        }
        assert!(verify(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn without_the_logs_signature_it_is_nothing() {
    let stage = &*STAGE;
    let record = stage.opened(stage.hands(&[0, 1, 2]));
    let open = RootTranscript::open(&record, Vec::new(), Vec::new());
    says(open.verify(&stage.pins()), "the log's key did not close it");
    let by_another = stage.scene.people[0].sign(open.closing()).signature;
    says(open.closed(by_another).verify(&stage.pins()), "the log's key did not close it");
    // Nor does the signature for one close another, or the same without its receipt.
    let other = RootTranscript::open(&record, Vec::new(), b"a receipt".to_vec());
    let signature =
        stage.scene.dealer.sign(RootTranscript::open(&record, Vec::new(), Vec::new()).closing()).signature;
    says(other.closed(signature).verify(&stage.pins()), "the log's key did not close it");
}

#[test]
fn too_few_and_one_custodian_twice_open_nothing() {
    let stage = &*STAGE;
    says(stage.verify(&stage.opened(stage.hands(&[0, 1]))), "fewer custodians");
    says(stage.verify(&stage.opened(Vec::new())), "fewer custodians");
    let twice = stage.opened(stage.hands(&[0, 1, 1]));
    assert_eq!(fault(stage.verify(&twice)), ("custodian-2".to_owned(), Fault::Twice));
    let many = stage.opened(vec![stage.hand(0, &stage.request); 65]);
    says(stage.verify(&many), "more handovers");
}

#[test]
fn handovers_of_another_round_or_person_do_not_count() {
    let stage = &*STAGE;
    let other_round = HandoverRequest { made_at_ms: AT_MS - 999, ..stage.request.clone() };
    let mut statements = stage.hands(&[0, 1]);
    statements.push(stage.hand(2, &other_round));
    assert_eq!(fault(stage.verify(&stage.opened(statements))), ("custodian-3".to_owned(), Fault::OtherRequest));
    let elsewhere = Stage::request_of(&stage.manifest);
    let mut statements = stage.hands(&[0, 1]);
    statements.push(stage.hand(2, &elsewhere));
    assert_eq!(fault(stage.verify(&stage.opened(statements))), ("custodian-3".to_owned(), Fault::OtherKey));
    // Somebody signs what another one said, or in the other's name.
    let said = stage.hand(2, &stage.request);
    let mut statements = stage.hands(&[0, 1]);
    statements.push(stage.scene.people[3].sign(said.statement.clone()));
    let (name, fault) = fault(stage.verify(&stage.opened(statements)));
    assert_eq!((name.as_str(), fault), ("custodian-4", Fault::OtherSeat(stage.scene.people[2].name())));
    let mut statements = stage.hands(&[0, 1]);
    statements.push(Signed { signer: stage.scene.people[3].name(), ..said });
    assert!(matches!(stage.verify(&stage.opened(statements)), Err(Error::Custodian(_))));
    // A word for something else.
    let mut statements = stage.hands(&[0, 1]);
    statements.push(stage.confirm(2));
    assert!(matches!(stage.verify(&stage.opened(statements)), Err(Error::Codec(_))));
}

#[test]
fn another_roster_manifest_dealer_or_deployment_is_refused() {
    let stage = &*STAGE;
    let record = stage.opened(stage.hands(&[0, 1, 2]));
    let transcript = stage.close(&record, Vec::new());
    let others = testing::roster(&testing::people(5));
    says(transcript.verify(&RootPins { roster: others.hash(), ..stage.pins() }), "another roster than the pinned");
    says(transcript.verify(&RootPins { deployment: "log.example/2".to_owned(), ..stage.pins() }), "deployment");
    let log_key = stage.scene.people[0].custodian().signing;
    says(transcript.verify(&RootPins { log_key, ..stage.pins() }), "did not close");
    // Other shares of the same people: nobody handed these over.
    let (other, _) = stage.scene.deal(3, &random(32));
    let of = |manifest: &SignedManifest, roster| {
        let deed = stage.opening(&stage.request, stage.hands(&[0, 1, 2]));
        RootRecord::new((LOG, "hufud/0.1.0"), AT_MS, roster, manifest, deed)
    };
    says(stage.verify(&of(&other, &stage.scene.roster)), "another share set");
    // The shares of other people, under their roster; of the same people, dealt by somebody else.
    let foreign = Scene::new(5);
    let (manifest, _) = foreign.deal(3, &random(32));
    says(stage.verify(&of(&manifest, &foreign.roster)), "another roster than the pinned");
    says(stage.verify(&of(&manifest, &stage.scene.roster)), "dealer");
    let mut no_root = Scene::new(5);
    no_root.subject.name = "tenants/acme/keys/archive".to_owned();
    let (manifest, _) = no_root.deal(3, &random(32));
    let stage = Stage { request: Stage::request_of(&manifest), scene: no_root, manifest, shares: Vec::new() };
    says(stage.verify(&stage.split()), "of no root");
}

#[test]
fn times_that_cannot_be_are_refused() {
    let stage = &*STAGE;
    let at = |at_ms| stage.verify(&stage.record(at_ms, stage.opening(&stage.request, stage.hands(&[0, 1, 2]))));
    at(stage.request.made_at_ms).unwrap();
    says(at(stage.request.made_at_ms - 1), "before it asked");
    says(at(stage.request.expires_at_ms), "expired");
    let long =
        HandoverRequest { expires_at_ms: stage.request.made_at_ms + LIFETIME_MS_MAX + 1, ..stage.request.clone() };
    let statements = [0, 1, 2].map(|at| stage.hand(at, &long)).to_vec();
    says(stage.verify(&stage.record(AT_MS, stage.opening(&long, statements))), "longer than a day");
    says(stage.verify(&stage.record(AT_MS, Deed::Split)), "not that of the shares");
}

#[test]
fn texts_that_cannot_be_shown_are_refused() {
    let stage = &*STAGE;
    let named = |server: &str| {
        let opening = Opening::new(server.to_owned(), [9; 32], &stage.request, stage.hands(&[0, 1, 2]));
        stage.verify(&stage.record(AT_MS, Deed::Opened(opening)))
    };
    named("a").unwrap();
    for server in ["", "a\nb", "a b", "\u{202e}", &"a".repeat(256)] {
        says(named(server), "visible ASCII");
    }
}

/// Origins are in any script: what a server wrote down under its own must be read again.
#[test]
fn the_name_of_the_log_is_what_a_log_may_be_called() {
    let called = |name: &str| {
        let of = (name, "hufud/0.1.0");
        let stage = &*STAGE;
        let record = RootRecord::new(of, AT_MS, &stage.scene.roster, &stage.manifest, Deed::Split);
        RootRecord::from_bytes(&record.to_bytes())
    };
    for name in ["log.example/1", "虎符.example", "bücher.example"] {
        assert_eq!(called(name).unwrap().deployment, name);
    }
    for name in ["", "a b", "a\u{3000}b", "a\nb", "a+b", &"a".repeat(256)] {
        assert!(called(name).is_err(), "{name:?}");
    }
}
