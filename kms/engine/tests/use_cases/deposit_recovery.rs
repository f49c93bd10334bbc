//! A deposited key on its way back: through a quorum, to the applicant alone.

use hufu_ceremony::State;
use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::name::ShareSetName;
use hufu_core::record::Protection;
use hufu_custodian::Name;
use hufu_custodian::testing::Person;
use hufu_engine::api::{DepositView, FetchShare, Handovers};
use hufu_secret::SecretBytes;
use hufu_shares::{Curve, Gathering, HandedOver, SignedManifest};

use crate::ceremonies::{DAY_MS, DELAY_MS, Stage};
use crate::common::server::Server;
use crate::common::world::{ALICE, BOB, Member};
use crate::deposits::{APP, How, create};
use crate::recovery::{CUSTODIANS, outcome, shared, stage};
use crate::requests::reason;

/// A stage with a deposit of three of five, and someone who has lost the key.
struct Lost {
    stage: Stage,
    deposit: DepositView,
    secret: SecretBytes,
    applicant: Person,
}

impl Lost {
    fn new(curve: Option<Curve>) -> Self {
        let mut stage = stage();
        stage.world.run(async |server| APP.register(server, true).await).unwrap();
        let mut secret = SecretBytes::zeroed(32);
        hufu_core::ambient::Rng::fill(stage.world.site.chance.as_ref(), secret.expose_mut()).unwrap();
        secret.expose_mut()[0] &= 0x7f;
        let holders: Vec<Name> = stage.people.iter().map(Person::name).collect();
        let how = How { threshold: 3, holders, curve, ..How::new(&mut stage, "payroll") };
        let dealt = how.deal(&stage, &secret);
        let deposit = create(&mut stage, APP, "payroll", &dealt).unwrap();
        Self { stage, deposit, secret, applicant: Person::new("applicant", "north") }
    }

    fn spki(&self) -> Vec<u8> {
        self.applicant.custodian().sealing.spki().to_vec()
    }

    fn act(&self) -> String {
        let manifest = SignedManifest::from_bytes(&self.deposit.manifest).unwrap();
        let of = manifest.unverified();
        let public_key = match of.scheme() {
            hufu_shares::Scheme::Shamir { .. } => String::new(),
            hufu_shares::Scheme::Feldman { .. } => format!("public_key = \"{}\"\n", hex::encode(of.fingerprint())),
        };
        format!(
            "recovery]\nkey = \"tenants/acme/deposits/payroll\"\nversion = 1\n{public_key}\
             shares = {{ set = \"{}\", epoch = 1, manifest = \"{}\" }}\n\
             [act.recovery.target]\nkind = \"process\"\nsealing_key = \"{}\"\n",
            of.set(),
            manifest.digest(),
            hex::encode(self.applicant.custodian().sealing.fingerprint()),
        )
    }

    /// A ceremony that waits for shares.
    fn ready(&mut self, number: u64) {
        let (act, spki) = (self.act(), self.spki());
        let stage = &mut self.stage;
        stage.propose_with(number, &act, &spki).unwrap();
        stage.world.sequence();
        stage.pass();
        stage.approve(number, "ben").unwrap();
        stage.approve(number, "dee").unwrap();
        stage.world.site.time.advance(DELAY_MS);
        stage.pass();
        assert_eq!(stage.state(number), State::Ready);
    }

    /// What a custodian's tool does: it has the target's key from the service's evidence.
    fn bring(&mut self, number: u64, who: &str) {
        let set = ShareSetName { tenant: ALICE.tenant(), set: self.deposit.set };
        let request = FetchShare { set, custodian: who.to_owned(), epoch: None };
        let stage = &mut self.stage;
        let call = async |server: &Server, caller| server.engine.fetch_share(&caller, &request).await;
        let share = stage.world.call(ALICE, call).unwrap();
        let ceremony = stage.get(number).ceremony;
        let fingerprint = ceremony.request().act.target().unwrap().sealing_key.0;
        let call = async |server: &Server, caller| server.engine.target(&caller, fingerprint).await;
        let told = stage.world.call(ALICE, call).unwrap().record;
        let evidence = hufu_ceremony::SignedEvidence::from_bytes(&told.evidence).unwrap();
        let evidence = evidence.verify(&stage.dealer()).unwrap();
        let deployment = ceremony.request().deployment.as_str();
        evidence.supports(ceremony.request().act.target().unwrap(), deployment).unwrap();
        let sealed = stage.handover(&share, stage.person(who), &evidence.sealing_key, ceremony.digest().0);
        stage.bring_share(number, who, u32::from(share.index()), sealed).unwrap();
    }

    fn handovers(&mut self, who: Member, number: u64) -> Result<Handovers, hufu_core::Error> {
        let call = async |server: &Server, caller| server.engine.deposit_handovers(&caller, number).await;
        self.stage.world.call(who, call)
    }

    /// What the applicant's tool does, with somebody's key.
    fn open(&self, found: &Handovers, with: &Person) -> Option<SecretBytes> {
        let report = hufu_ceremony::verify(&found.transcript, &self.stage.pins()).unwrap();
        let signed = SignedManifest::from_bytes(&found.manifest).unwrap();
        signed.verify(&self.stage.dealer()).unwrap();
        let expected = hufu_shares::ManifestDigest(report.ceremony().request().act.shares().unwrap().manifest.0);
        let mut gathering = Gathering::new(&signed, &expected).unwrap();
        let request = report.ceremony().digest().0;
        for handover in &found.handovers {
            let handover = HandedOver::from_bytes(handover).unwrap();
            let _ = gathering.take(&handover, &self.stage.roster, with, &request);
        }
        gathering.combine().ok()
    }
}

#[test]
fn a_deposited_key_comes_back_through_a_quorum_to_the_applicant_alone() {
    for curve in [None, Some(Curve::P256), Some(Curve::Sm2)] {
        let mut lost = Lost::new(curve);
        lost.ready(1);
        for who in ["ann", "cho"] {
            lost.bring(1, who);
        }
        assert_eq!(lost.handovers(APP, 1).unwrap_err().reason(), Reason::WrongState);
        assert_eq!(reason(lost.stage.execute(1)), Reason::CeremonyRefused, "one short");
        lost.bring(1, "eve");
        assert_eq!(lost.handovers(APP, 1).unwrap_err().reason(), Reason::WrongState, "not before it is executed");
        let done = lost.stage.execute(1).unwrap();
        assert_eq!(done.ceremony.state(), State::Executed);
        assert!(outcome(&done).starts_with("tenants/acme/deposits/payroll is released to the key "));
        assert!(lost.stage.world.server.alarms.is_raised("recovery", "tenants/acme/deposits/payroll"));
        assert_eq!(lost.stage.world.rows(Collection::Target), 0);
        let found = lost.handovers(APP, 1).unwrap();
        assert_eq!(found.handovers.len(), 3);
        assert_eq!(lost.open(&found, &lost.applicant).unwrap(), lost.secret);
        assert!(lost.open(&found, &Person::new("mal", "north")).is_none());
        assert!(lost.open(&found, lost.stage.person("ann")).is_none());
        assert_eq!(lost.handovers(BOB, 1).unwrap_err().reason(), Reason::CeremonyNotFound);
        lost.stage.world.sequence();
    }
}

#[test]
fn what_a_request_says_of_a_deposit_must_be_so() {
    let mut lost = Lost::new(Some(Curve::P256));
    let (good, spki) = (lost.act(), lost.spki());
    let other = Person::new("other", "north").custodian().sealing.spki().to_vec();
    let mut attempt = |act: &str, next: &[u8]| reason(lost.stage.propose_with(1, act, next));
    assert_eq!(attempt(&good, &[]), Reason::InvalidArgument);
    assert_eq!(attempt(&good, &other), Reason::InvalidArgument);
    assert_eq!(attempt(&good.replace("version = 1", "version = 2"), &spki), Reason::WrongState);
    assert_eq!(attempt(&good.replace("payroll", "other"), &spki), Reason::DepositNotFound);
    assert_eq!(attempt(&good.replace("acme", "globex"), &spki), Reason::PermissionDenied);
    assert_eq!(attempt(&good.replace("epoch = 1", "epoch = 2"), &spki), Reason::WrongState);
    let at = good.find("public_key = \"").unwrap() + 14;
    let wrong = format!("{}{}{}", &good[..at], "0".repeat(64), &good[at + 64..]);
    assert_eq!(attempt(&wrong, &spki), Reason::WrongState);
    let hsm = good.replace("\"process\"", "\"hsm\"") + "[act.recovery.target.evidence]\nserial = \"1\"\n";
    assert_eq!(attempt(&hsm, &spki), Reason::WrongState);
    let claims = format!("{good}[act.recovery.target.evidence]\nserial = \"1\"\n");
    assert_eq!(attempt(&claims, &spki), Reason::CeremonyRefused);
    // The secret of a deposit that was given up is released to nobody.
    lost.ready(1);
    for who in CUSTODIANS.iter().take(3) {
        lost.bring(1, who);
    }
    let name = lost.deposit.name.clone();
    let delete = async |server: &Server, caller| server.engine.delete_deposit(&caller, &name).await;
    lost.stage.world.call(ALICE, delete).unwrap();
    lost.stage.world.reconcile();
    lost.stage.world.site.time.advance(2 * DELAY_MS);
    lost.stage.world.reconcile();
    lost.stage.execute(1).unwrap();
    assert_eq!(lost.stage.state(1), State::Failed);
    assert!(lost.handovers(APP, 1).is_err());
}

#[test]
fn what_was_released_stays_for_a_while_whatever_becomes_of_the_deposit_and_then_goes() {
    let mut lost = Lost::new(None);
    lost.ready(1);
    for who in CUSTODIANS.iter().take(3) {
        lost.bring(1, who);
    }
    lost.stage.execute(1).unwrap();
    let name = lost.deposit.name.clone();
    let delete = async |server: &Server, caller| server.engine.delete_deposit(&caller, &name).await;
    lost.stage.world.call(ALICE, delete).unwrap();
    lost.stage.world.reconcile();
    lost.stage.world.site.time.advance(2 * DELAY_MS);
    lost.stage.world.reconcile();
    assert_eq!((lost.stage.world.rows(Collection::Deposit), lost.stage.world.rows(Collection::ShareSet)), (0, 0));
    lost.stage.world.site.time.advance(29 * DAY_MS);
    lost.stage.world.restart();
    lost.stage.world.reconcile();
    let found = lost.handovers(APP, 1).unwrap();
    assert_eq!(lost.open(&found, &lost.applicant).unwrap(), lost.secret);
    let files = lost.stage.world.rows(Collection::CeremonyFile);
    lost.stage.world.site.time.advance(DAY_MS);
    lost.stage.world.reconcile();
    assert_eq!(lost.stage.world.rows(Collection::CeremonyFile), files - 4, "the release and three shares");
    let gone = lost.handovers(APP, 1).unwrap_err();
    assert_eq!(gone.reason(), Reason::WrongState);
    assert!(gone.message().contains("kept for 30 days"), "{}", gone.message());
}

#[test]
fn an_end_at_any_commit_releases_once_or_not_yet() {
    for cuts in 0.. {
        let mut lost = Lost::new(None);
        lost.ready(1);
        for who in CUSTODIANS.iter().take(3) {
            lost.bring(1, who);
        }
        let caller = lost.stage.world.run(async |server| ALICE.call(server).await).unwrap();
        let work = async |server: &Server| server.engine.execute_ceremony(&caller, 1).await;
        let whole = lost.stage.world.run_cut(cuts, work);
        lost.stage.world.restart();
        if lost.stage.state(1) == State::Ready {
            assert_eq!(lost.handovers(APP, 1).unwrap_err().reason(), Reason::WrongState);
            lost.stage.execute(1).unwrap();
        }
        lost.stage.pass();
        assert_eq!(lost.stage.state(1), State::Executed, "cut after {cuts}");
        let found = lost.handovers(APP, 1).unwrap();
        assert_eq!(lost.open(&found, &lost.applicant).unwrap(), lost.secret);
        if whole.is_some() {
            return assert!(cuts >= 3, "{cuts}");
        }
    }
}

/// What no single person could open when it was deposited, none can after a reshare.
#[test]
fn a_deposit_comes_under_no_threshold_that_it_could_not_be_made_with() {
    let mut lost = Lost::new(None);
    let (set, manifest) = (lost.deposit.set, SignedManifest::from_bytes(&lost.deposit.manifest).unwrap().digest());
    let stage = &mut lost.stage;
    stage.make(shared("stand-in", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    let sealing_key = hex::encode(stage.target("stand-in").record.fingerprint);
    let act = |threshold: u8| {
        format!(
            "reshare]\nsubject = \"tenants/acme/deposits/payroll\"\n\
             from = {{ set = \"{set}\", epoch = 1, manifest = \"{manifest}\" }}\n\
             to = {{ threshold = {threshold}, custodians = [\"ben\", \"dee\", \"eve\"] }}\n\
             [act.reshare.target]\nkind = \"process\"\nsealing_key = \"{sealing_key}\"\n"
        )
    };
    let refused = stage.propose_with(1, &act(1), &[]).unwrap_err();
    assert_eq!(refused.reason(), Reason::InvalidArgument);
    assert!(refused.message().contains("at least 2"), "{}", refused.message());
    stage.propose_with(1, &act(2), &[]).unwrap();
}
