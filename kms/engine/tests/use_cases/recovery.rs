//! Keys that custodians hold together: made, lost, rehearsed, recovered, and everything that must not work.

use std::collections::BTreeMap;

use hufu_ceremony::{CeremonyPolicy, Fingerprint, State, TargetKind, What};
use hufu_core::algorithm::{Algorithm, Purpose};
use hufu_core::changeset::Collection;
use hufu_core::record::{
    Attestation, KeyState, Locator, Origin, Protection, Record as _, SealedShares, ShareSetRecord, Sharing,
    VersionRecord,
};
use hufu_core::{Error, Reason};
use hufu_custodian::testing::Person;
use hufu_custodian::{SealingKey, VerifyingKey};
use hufu_engine::api::{CeremonyView, CreateKey, Encrypted, TargetView};
use hufu_shares::{Epochs, Share};
use sha2::{Digest as _, Sha256};

use crate::ceremonies::{DAY_MS, DELAY_MS, Stage, rule};
use crate::common::server::Server;
use crate::common::world::{ALICE, World};
use crate::requests::{create, key, numbered, reason, version};

pub(crate) const CUSTODIANS: [&str; 5] = ["ann", "ben", "cho", "dee", "eve"];

fn policy(deployment: &str) -> CeremonyPolicy {
    let rule = "approvals = 2\norganisations = 2\nveto = \"auditor\"\ndelay_s = 3600\nlifetime_max_s = 604800\n";
    let rules: String = ["recovery", "drill", "refresh", "reshare"]
        .map(|kind| format!("[rules.{kind}]\n{rule}shares = 3\n"))
        .concat();
    CeremonyPolicy::from_toml(&format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n{rules}")).unwrap()
}

pub(crate) fn stage() -> Stage {
    Stage::in_world(World::really(), policy)
}

fn sharing(threshold: u8) -> Option<Sharing> {
    Some(Sharing { threshold, members: CUSTODIANS.map(str::to_owned).to_vec() })
}

/// A key with custodians, three of five.
pub(crate) fn shared(id: &str, algorithm: Algorithm, protection: Protection) -> CreateKey {
    CreateKey { protection, sharing: sharing(3), ..create(ALICE, id, algorithm) }
}

/// What is asked of the stage beyond other ceremonies.
impl Stage {
    pub(crate) fn make(&mut self, request: CreateKey) -> Result<(), Error> {
        let made = self.world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await);
        made.map(drop)
    }

    pub(crate) fn record(&mut self, id: &str, number: u32) -> VersionRecord {
        VersionRecord::clone(&self.world.version(&version(id, number)).unwrap().version.record)
    }

    pub(crate) fn dealer(&self) -> VerifyingKey {
        self.pins().service
    }

    /// The set of a version, and its sealed shares, as the database has them.
    pub(crate) fn stored(&mut self, of: &VersionRecord) -> (Epochs, Vec<Share>) {
        let rows = self.world.site.store.snapshot().rows.remove(&Collection::ShareSet).unwrap();
        let set = hex::encode(of.share_set.unwrap());
        let record = ShareSetRecord::from_row(&rows[&set]).unwrap();
        let epochs = Epochs::from_bytes(&record.epochs, &self.dealer()).unwrap();
        let signed = epochs.current().signed().clone();
        let sealed = SealedShares::from_row(&rows[&SealedShares::row_id(record.set, &signed.digest().0)]).unwrap();
        let share = |(index, bytes): (u8, &minicbor::bytes::ByteVec)| {
            Share::new(signed.clone(), index, bytes.to_vec()).unwrap()
        };
        let shares = (1..).zip(&sealed.shares).map(share).collect();
        (epochs, shares)
    }

    pub(crate) fn target(&mut self, id: &str) -> TargetView {
        let name = key(ALICE, id);
        let call =
            async |server: &Server, caller| server.engine.create_target(&caller, &name, TargetKind::Process).await;
        self.world.call(ALICE, call).unwrap()
    }

    /// The file's part of a recovery or drill.
    pub(crate) fn act(&mut self, kind: &str, id: &str, number: u32, target: &TargetView) -> String {
        let of = self.record(id, number);
        let (epochs, _) = self.stored(&of);
        let now = epochs.current();
        let public_key = of
            .public_key
            .map_or_else(String::new, |spki| format!("public_key = \"{}\"\n", hex::encode(Sha256::digest(spki))));
        format!(
            "{kind}]\nkey = \"tenants/acme/keys/{id}\"\nversion = {number}\n{public_key}\
             shares = {{ set = \"{}\", epoch = {}, manifest = \"{}\" }}\n\
             [act.{kind}.target]\nkind = \"process\"\nsealing_key = \"{}\"\n",
            hex::encode(of.share_set.unwrap()),
            now.manifest().epoch(),
            now.signed().digest(),
            hex::encode(target.record.fingerprint),
        )
    }

    /// A ceremony that waits for shares.
    pub(crate) fn ready(&mut self, number: u64, act: &str) {
        self.propose_with(number, act, &[]).unwrap();
        self.world.sequence();
        self.pass();
        self.approve(number, "ben").unwrap();
        self.approve(number, "dee").unwrap();
        // The delay is over, by both clocks, and its end is written down.
        self.world.site.time.advance(DELAY_MS);
        self.pass();
        assert_eq!(self.state(number), State::Ready);
    }

    /// What a custodian's tool makes of a share: the handover, for that target and request.
    pub(crate) fn handover(&self, share: &Share, who: &Person, to: &SealingKey, request: [u8; 32]) -> Vec<u8> {
        let opened = share.open(&self.dealer(), who).unwrap();
        let resealed = opened.reseal(to, &request).unwrap();
        let signed = who.sign(resealed.statement());
        resealed.signed(signed).to_bytes()
    }

    pub(crate) fn bring_share(
        &mut self,
        number: u64,
        who: &str,
        index: u32,
        sealed: Vec<u8>,
    ) -> Result<CeremonyView, Error> {
        let of = self.get(number).ceremony;
        let person = self.person(who);
        let digest = Fingerprint(Sha256::digest(&sealed).into());
        let to = of.request().act.target().unwrap().sealing_key;
        let told = of.share_statement(&person.name(), index, digest, Some(to)).unwrap();
        let statement = person.sign(told.to_bytes()).to_bytes();
        let call = async |server: &Server, caller| {
            server.engine.bring_ceremony_share(&caller, number, &statement, sealed).await
        };
        self.world.call(ALICE, call)
    }

    /// Brings the share of an index as it should be.
    pub(crate) fn share(&mut self, number: u64, of: &VersionRecord, index: u32, target: &TargetView) {
        let (_, shares) = self.stored(of);
        let who = CUSTODIANS[index as usize - 1];
        let to = SealingKey::from_spki(&target.record.public_key).unwrap();
        let request = self.get(number).ceremony.digest().0;
        let sealed = self.handover(&shares[index as usize - 1], self.person(who), &to, request);
        self.bring_share(number, who, index, sealed).unwrap();
    }

    pub(crate) fn decrypt(&mut self, id: &str, number: u32, sealed: &Encrypted) -> Result<Vec<u8>, Error> {
        let (selector, ciphertext) = (numbered(id, number), sealed.ciphertext.clone());
        let call =
            async |server: &Server, caller| server.engine.decrypt(&caller, &selector, &ciphertext, b"aad").await;
        self.world.call(ALICE, call).map(|opened| opened.plaintext.expose().to_vec())
    }
}

pub(crate) fn outcome(view: &CeremonyView) -> String {
    match &view.ceremony.events().last().unwrap().what {
        What::Executed(outcome, _) => outcome.as_str().to_owned(),
        What::Failed(why) => why.as_str().to_owned(),
        other => panic!("{}", other.as_str()),
    }
}

#[test]
fn a_recoverable_key_is_rehearsed_and_recovered_and_rotated() {
    let mut stage = stage();
    stage.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    let made = stage.record("data", 1);
    assert_eq!((made.origin, made.protection), (Origin::Split, Protection::Software));
    let sealed = stage.world.encrypt("data").unwrap();
    let target = stage.target("data");
    let act = stage.act("drill", "data", 1, &target);
    stage.ready(1, &act);
    for index in [1, 3, 5] {
        stage.share(1, &made, index, &target);
    }
    let done = stage.execute(1).unwrap();
    assert_eq!(
        outcome(&done),
        "tenants/acme/keys/data/versions/1 could be put together by the shares of ann, cho, eve; nothing is left of it"
    );
    assert_eq!(stage.record("data", 1), made, "a drill changes nothing");
    assert_eq!(stage.world.rows(Collection::Target), 0, "the target is gone with its ceremony");

    let target = stage.target("data");
    let act = stage.act("recovery", "data", 1, &target);
    stage.ready(2, &act);
    assert_eq!(rule(stage.execute(2)), "CEREMONY_SHARES_MISSING", "three short");
    stage.share(2, &made, 2, &target);
    assert_eq!(rule(stage.execute(2)), "CEREMONY_SHARES_MISSING", "two short");
    stage.share(2, &made, 4, &target);
    stage.share(2, &made, 5, &target);
    let done = stage.execute(2).unwrap();
    assert!(outcome(&done).starts_with(
        "tenants/acme/keys/data/versions/1 is together again by the shares of ben, dee, eve; \
         tenants/acme/keys/data/versions/2 took over"
    ));
    let back = stage.record("data", 1);
    assert_eq!((back.origin, back.state), (Origin::Recovered, KeyState::Deactivated));
    assert_ne!((back.uid, &back.locator), (made.uid, &made.locator));
    assert_eq!((back.ledger_id, back.share_set), (made.ledger_id, made.share_set));
    assert_eq!(stage.decrypt("data", 1, &sealed).unwrap(), b"plaintext");
    // The next version is split anew, among the same people.
    let next = stage.record("data", 2);
    assert_eq!((next.state, next.origin), (KeyState::Active, Origin::Split));
    assert!(next.share_set.is_some() && next.share_set != made.share_set);
    assert!(stage.world.server.alarms.is_raised("recovery", "tenants/acme/keys/data/versions/1"));
    hufu_ceremony::verify(&stage.transcript(2), &stage.pins()).unwrap();
    stage.world.sequence();
}

#[test]
fn a_key_in_shares_alone_is_used_after_its_recovery_and_not_before() {
    let mut stage = stage();
    let request = CreateKey {
        purpose: Some(Purpose::Encapsulate),
        ..shared("cold", Algorithm::MlKem768, Protection::Threshold)
    };
    stage.make(request).unwrap();
    let made = stage.record("cold", 1);
    assert_eq!(made.locator, Locator::Shares { set: made.share_set.unwrap() });
    assert_eq!(made.attestation, Attestation::Split { threshold: 3, shares: 5 });
    // Whoever has the public key makes a secret; nobody recovers it.
    let call = async |server: &Server, caller| server.engine.encapsulate(&caller, &numbered("cold", 1)).await;
    let made_secret = stage.world.call(ALICE, call).unwrap();
    let decapsulate = |stage: &mut Stage| {
        let ciphertext = made_secret.ciphertext.clone();
        let call = async |server: &Server, caller| {
            server.engine.decapsulate(&caller, &numbered("cold", 1), &ciphertext).await
        };
        stage.world.call(ALICE, call).map(|opened| opened.secret)
    };
    assert_eq!(reason(decapsulate(&mut stage)), Reason::KeyInShares);
    let target = stage.target("cold");
    let act = stage.act("recovery", "cold", 1, &target);
    stage.ready(1, &act);
    for index in [5, 2, 1] {
        stage.share(1, &made, index, &target);
    }
    let done = stage.execute(1).unwrap();
    assert_eq!(done.ceremony.state(), State::Executed, "{}", outcome(&done));
    assert_eq!(decapsulate(&mut stage).unwrap(), made_secret.secret);
    let back = stage.record("cold", 1);
    assert_eq!((back.protection, back.state), (Protection::Software, KeyState::Deactivated));
    assert!(matches!(stage.record("cold", 2).locator, Locator::Shares { .. }), "the next one is in shares again");
}

#[test]
fn what_signs_and_what_wraps_is_not_made_recoverable() {
    let mut stage = stage();
    let signs = shared("signs", Algorithm::P256, Protection::Software);
    assert_eq!(reason(stage.make(signs)), Reason::NotRecoverable);
    let wraps = shared("wraps", Algorithm::Aes256Kwp, Protection::Software);
    assert_eq!(reason(stage.make(wraps)), Reason::NotRecoverable);
    // In shares alone, as whoever asks for that protection has said.
    stage.make(shared("signs", Algorithm::P256, Protection::Threshold)).unwrap();
    let nobody = CreateKey { sharing: None, ..shared("none", Algorithm::Aes256Gcm, Protection::Threshold) };
    assert_eq!(reason(stage.make(nobody)), Reason::MissingField);
    for (threshold, members) in [(0, vec!["ann"]), (2, vec!["ann"]), (1, vec!["ann", "ann"]), (1, vec!["zoe"])] {
        let sharing = Some(Sharing { threshold, members: members.into_iter().map(str::to_owned).collect() });
        let odd = CreateKey { sharing, ..shared("odd", Algorithm::Aes256Gcm, Protection::Software) };
        assert_eq!(reason(stage.make(odd)), Reason::InvalidArgument);
    }
}

#[test]
fn whatever_is_not_the_share_that_was_approved_is_named_when_it_is_brought() {
    let mut stage = stage();
    for id in ["data", "other"] {
        stage.make(shared(id, Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    }
    let (made, other) = (stage.record("data", 1), stage.record("other", 1));
    let (target, swapped) = (stage.target("data"), stage.target("data"));
    let act = stage.act("recovery", "data", 1, &target);
    stage.ready(1, &act);
    let request = stage.get(1).ceremony.digest().0;
    let (shares, others) = (stage.stored(&made).1, stage.stored(&other).1);
    let to = |view: &TargetView| SealingKey::from_spki(&view.record.public_key).unwrap();
    let ann = |stage: &Stage, share: &Share, to: &SealingKey, request| {
        stage.handover(share, stage.person("ann"), to, request)
    };
    let refused = |stage: &mut Stage, sealed: Vec<u8>, why: &str| {
        let error = stage.bring_share(1, "ann", 1, sealed).unwrap_err();
        assert_eq!(error.reason(), Reason::ShareRefused, "{error:?}");
        let whole = format!("what `ann` holds or sent (share 1) is refused: {why}");
        assert_eq!(error.message(), whole);
    };
    let sealed = ann(&stage, &others[0], &to(&target), request);
    refused(&mut stage, sealed, "it is of another set");
    let sealed = ann(&stage, &shares[0], &to(&swapped), request);
    refused(&mut stage, sealed, "it is for another key");
    let sealed = ann(&stage, &shares[0], &to(&target), [1; 32]);
    refused(&mut stage, sealed, "it is for another request");
    // Someone else's handover under one's own name, and one's own under another index.
    let sealed = stage.handover(&shares[1], stage.person("ben"), &to(&target), request);
    assert_eq!(rule(stage.bring_share(1, "ann", 1, sealed.clone())), "CEREMONY_SHARE_INDEX");
    assert_eq!(rule(stage.bring_share(1, "ben", 3, sealed.clone())), "CEREMONY_SHARE_INDEX");
    assert_eq!(rule(stage.bring_share(1, "ben", 0, sealed.clone())), "CEREMONY_SHARE_INDEX");
    stage.bring_share(1, "ben", 2, sealed.clone()).unwrap();
    assert_eq!(rule(stage.bring_share(1, "ben", 2, sealed)), "CEREMONY_SHARE_TWICE");
}

#[test]
fn a_request_that_is_not_as_things_are_is_not_proposed() {
    let mut stage = stage();
    let four = CreateKey { sharing: sharing(4), ..shared("four", Algorithm::Aes256Gcm, Protection::Software) };
    stage.make(four).unwrap();
    let target = stage.target("four");
    let act = stage.act("recovery", "four", 1, &target);
    // The policy asks for three shares, and it takes four.
    assert_eq!(rule(stage.propose_with(1, &act, &[])), "CEREMONY_FEWER_SHARES");

    stage.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    let elsewhere = stage.act("recovery", "data", 1, &target);
    assert_eq!(reason(stage.propose_with(1, &elsewhere, &[])), Reason::WrongState, "a target of another key");
    let target = stage.target("data");
    let act = stage.act("recovery", "data", 1, &target);
    let hsm = act.replace("\"process\"", "\"hsm\"") + "[act.recovery.target.evidence]\nserial = \"sim-0001\"\n";
    assert_eq!(rule(stage.propose_with(1, &hsm, &[])), "CEREMONY_EVIDENCE", "it is no HSM");
    let gone = act.replace(&hex::encode(target.record.fingerprint), &"ab".repeat(32));
    assert_eq!(reason(stage.propose_with(1, &gone, &[])), Reason::TargetNotFound);
    let epoch = act.replace("epoch = 1", "epoch = 2");
    assert_eq!(reason(stage.propose_with(1, &epoch, &[])), Reason::WrongState);
    stage.propose_with(1, &act, &[]).unwrap();
    assert_eq!(reason(stage.propose_with(2, &act, &[])), Reason::WrongState, "a target has one ceremony");
    // Nobody needs it any more when its ceremony has ended without it.
    stage.world.site.time.advance(5 * DAY_MS);
    stage.pass();
    assert_eq!(stage.state(1), State::Expired);
    stage.world.reconcile();
    stage.world.reconcile();
    assert_eq!(stage.world.rows(Collection::Target), 0);
}

#[test]
fn two_custodians_and_the_database_do_not_have_the_key() {
    let mut stage = stage();
    stage.make(shared("cold", Algorithm::Aes256Gcm, Protection::Threshold)).unwrap();
    let made = stage.record("cold", 1);
    let (epochs, shares) = stage.stored(&made);
    let colluding = ["ann", "dee"];
    let opened: Vec<_> = shares
        .iter()
        .flat_map(|share| colluding.map(|who| share.open(&stage.dealer(), stage.person(who)).ok()))
        .flatten()
        .collect();
    assert_eq!(opened.len(), 2, "each opens the own share, and nobody another's");
    let signed = epochs.current().signed();
    let together = hufu_shares::combine(signed, &signed.digest(), opened);
    assert!(matches!(together, Err(hufu_shares::Error::Missing(missing)) if missing.count == 1));
    assert_eq!(made.locator, Locator::Shares { set: made.share_set.unwrap() }, "there is nothing else of it");
}

#[test]
fn a_recovery_that_is_cut_off_anywhere_is_brought_to_its_end_and_done_once() {
    let mut cuts = 0;
    loop {
        let mut stage = stage();
        stage.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
        let sealed = stage.world.encrypt("data").unwrap();
        let made = stage.record("data", 1);
        let target = stage.target("data");
        let act = stage.act("recovery", "data", 1, &target);
        stage.ready(1, &act);
        for index in [1, 2, 3] {
            stage.share(1, &made, index, &target);
        }
        let caller = stage.world.run(async |server| ALICE.call(server).await).unwrap();
        let whole = stage.world.run_cut(cuts, async |server| server.engine.execute_ceremony(&caller, 1).await);
        stage.world.restart();
        stage.world.reconcile();
        if stage.state(1) == State::Ready {
            stage.execute(1).unwrap();
        }
        stage.world.site.time.advance(200_000);
        stage.pass();
        assert_eq!(stage.state(1), State::Executed, "cut after {cuts} commits");
        assert_eq!(stage.record("data", 1).origin, Origin::Recovered);
        assert_eq!(stage.decrypt("data", 1, &sealed).unwrap(), b"plaintext", "cut after {cuts} commits");
        assert_eq!(stage.record("data", 2).state, KeyState::Active);
        assert_eq!(reason(stage.world.version(&version("data", 3))), Reason::VersionNotFound);
        if whole.is_some() {
            break;
        }
        cuts += 1;
    }
    assert!(cuts >= 4, "{cuts}");
}

#[test]
fn rows_that_are_put_back_are_found() {
    let mut stage = stage();
    stage.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    let sealed = stage.world.encrypt("data").unwrap();
    let made = stage.record("data", 1);
    let target = stage.target("data");
    let act = stage.act("recovery", "data", 1, &target);
    stage.ready(1, &act);
    for index in [1, 2] {
        stage.share(1, &made, index, &target);
    }
    let before: BTreeMap<_, _> = stage.world.site.store.snapshot().rows;
    stage.share(1, &made, 3, &target);
    let done = stage.execute(1).unwrap();
    assert_eq!(done.ceremony.state(), State::Executed, "{}", outcome(&done));
    // The version as it was before, whose key custodians have made again since.
    let row = before[&Collection::Version][&version("data", 1).row_id()].clone();
    stage.world.site.store.tamper(|state| {
        let rows = state.rows.get_mut(&Collection::Version).unwrap();
        rows.insert(version("data", 1).row_id(), row);
    });
    stage.world.restart();
    assert_eq!(reason(stage.decrypt("data", 1, &sealed)), Reason::Quarantined);
}

#[test]
fn a_key_that_is_destroyed_takes_its_shares_along() {
    let mut stage = stage();
    stage.make(shared("cold", Algorithm::Aes256Gcm, Protection::Threshold)).unwrap();
    assert_eq!(stage.world.rows(Collection::ShareSet), 2);
    stage.world.change(version("cold", 1), crate::requests::REVOKE).unwrap();
    let destroy = hufu_engine::api::Change::ScheduleDestroy { after_ms: DELAY_MS };
    stage.world.change(version("cold", 1), destroy).unwrap();
    stage.world.reconcile();
    stage.world.site.time.advance(2 * DELAY_MS);
    stage.world.reconcile();
    stage.world.reconcile();
    assert_eq!(stage.record("cold", 1).state, KeyState::Destroyed);
    assert_eq!(stage.world.rows(Collection::ShareSet), 0);
}

#[test]
fn a_ceremony_whose_target_is_gone_fails_and_another_one_can_be_held() {
    let mut stage = stage();
    stage.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    let made = stage.record("data", 1);
    for number in [1, 2] {
        let target = stage.target("data");
        let act = stage.act("recovery", "data", 1, &target);
        stage.ready(number, &act);
        for index in [1, 2, 3] {
            stage.share(number, &made, index, &target);
        }
        if number == 1 {
            stage.world.site.store.tamper(|state| drop(state.rows.remove(&Collection::Target)));
            let failed = stage.execute(1).unwrap();
            assert_eq!(failed.ceremony.state(), State::Failed);
            assert!(outcome(&failed).starts_with("TARGET_NOT_FOUND: "), "{}", outcome(&failed));
            assert_eq!(stage.record("data", 1), made);
        }
    }
    assert_eq!(stage.execute(2).unwrap().ceremony.state(), State::Executed);
}
