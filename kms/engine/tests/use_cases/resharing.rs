//! Sets shared anew: the old shares die when the new ones are confirmed, and not before; with an end at every commit.

use hufu_ceremony::State;
use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::{Collection, Row};
use hufu_core::name::{SetId, ShareSetName};
use hufu_core::record::{KeyRecord, Protection, Record as _, SealedShares, ShareSetRecord, VersionRecord};
use hufu_engine::api::{Change, FetchShare, ShareSetView, TargetView};
use hufu_shares::{Share, combine};

use crate::ceremonies::{DAY_MS, DELAY_MS, Stage, rule};
use crate::common::server::Server;
use crate::common::world::{ALICE, BOB};
use crate::recovery::{CUSTODIANS, outcome, shared, stage};
use crate::requests::{REVOKE, key, reason, version};

/// What is asked of the stage beyond recoveries.
impl Stage {
    fn set_of(&mut self, id: &str) -> ShareSetName {
        let of = self.record(id, 1);
        ShareSetName { tenant: ALICE.tenant(), set: SetId(of.share_set.unwrap()) }
    }

    pub(crate) fn set(&mut self, name: &ShareSetName) -> ShareSetView {
        self.world.call(ALICE, async |server, caller| server.engine.read_share_set(&caller, name).await).unwrap()
    }

    pub(crate) fn fetched(&mut self, set: &ShareSetName, who: &str, epoch: u32) -> Result<Share, hufu_core::Error> {
        let request = FetchShare { set: set.clone(), custodian: who.to_owned(), epoch: Some(epoch) };
        self.world.call(ALICE, async |server, caller| server.engine.fetch_share(&caller, &request).await)
    }

    /// What a custodian does with a new share: fetches, opens, confirms.
    pub(crate) fn confirm(
        &mut self,
        set: &ShareSetName,
        who: &str,
        epoch: u32,
    ) -> Result<ShareSetView, hufu_core::Error> {
        let share = self.fetched(set, who, epoch)?;
        let opened = share.open(&self.dealer(), self.person(who)).unwrap();
        let statement = self.person(who).sign(opened.confirm().to_bytes()).to_bytes();
        let call = async |server: &Server, caller| server.engine.confirm_share(&caller, set, &statement).await;
        self.world.call(ALICE, call)
    }

    /// The part of a file of a refresh or reshare.
    pub(crate) fn anew(&mut self, kind: &str, id: &str, more: &str, target: &TargetView) -> String {
        let name = self.set_of(id);
        let now = self.set(&name).current;
        let (shares, epoch) = (if kind == "refresh" { "shares" } else { "from" }, now.manifest().epoch());
        format!(
            "{kind}]\nsubject = \"{}\"\n{shares} = {{ set = \"{}\", epoch = {epoch}, manifest = \"{}\" }}\n{more}\n\
             [act.{kind}.target]\nkind = \"process\"\nsealing_key = \"{}\"\n",
            now.manifest().subject().name,
            name.set,
            now.signed().digest(),
            hex::encode(target.record.fingerprint),
        )
    }

    /// A key of three of five, and a ceremony that has three shares of it.
    fn with_shares(&mut self, kind: &str, more: &str) -> (VersionRecord, ShareSetName) {
        self.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
        self.again_with_shares(1, kind, more)
    }

    fn again_with_shares(&mut self, number: u64, kind: &str, more: &str) -> (VersionRecord, ShareSetName) {
        let (of, set) = (self.record("data", 1), self.set_of("data"));
        let target = self.target("data");
        let act = self.anew(kind, "data", more, &target);
        self.ready(number, &act);
        for index in [1, 3, 4] {
            self.share(number, &of, index, &target);
        }
        (of, set)
    }
}

const TO: &str = "confirmations = 2\nto = { threshold = 2, custodians = [\"ben\", \"dee\", \"eve\"] }";

#[test]
fn old_shares_die_when_the_new_ones_are_confirmed_and_not_before() {
    let mut stage = stage();
    let (_, set) = stage.with_shares("refresh", "");
    let old = stage.fetched(&set, "ann", 1).unwrap();
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executing);
    let seen = stage.set(&set);
    assert_eq!((seen.current.manifest().epoch(), seen.next.as_ref().unwrap().required()), (1, 5));
    assert_eq!(stage.world.rows(Collection::Target), 0, "nothing more is sealed to the target");
    for who in CUSTODIANS.iter().take(4) {
        stage.confirm(&set, who, 2).unwrap();
        stage.pass();
        assert_eq!(stage.state(1), State::Executing);
        assert_eq!(stage.set(&set).current.manifest().epoch(), 1);
    }
    stage.world.restart();
    stage.confirm(&set, "eve", 2).unwrap();
    stage.pass();
    let done = stage.get(1);
    assert!(outcome(&done).starts_with("epoch 2 counts, 3 of 5, manifest "), "{}", outcome(&done));
    let seen = stage.set(&set);
    assert_eq!((seen.current.manifest().epoch(), seen.next), (2, None));
    // The old ones are gone here, and what custodians keep of them is dead.
    assert_eq!(stage.fetched(&set, "ann", 1).unwrap_err().reason(), Reason::ShareSetNotFound);
    let opened = old.open(&stage.dealer(), stage.person("ann")).unwrap();
    let statement = stage.person("ann").sign(opened.confirm().to_bytes()).to_bytes();
    let call = async |server: &Server, caller| server.engine.confirm_share(&caller, &set, &statement).await;
    let dead = stage.world.call(ALICE, call).unwrap_err();
    assert!(dead.message().contains("of epoch 1, which is dead"), "{}", dead.message());
    // The same secret: what three of the new shares make is committed to, and is what the old ones made.
    let signed = seen.current.signed().clone();
    let new: Vec<_> = ["ben", "cho", "eve"]
        .map(|who| stage.fetched(&set, who, 2).unwrap().open(&stage.dealer(), stage.person(who)).unwrap())
        .into();
    combine(&signed, &signed.digest(), new).unwrap();
    hufu_ceremony::verify(&stage.transcript(1), &stage.pins()).unwrap();
    stage.world.sequence();
    // And its next recovery takes the new ones.
    let of = stage.record("data", 1);
    let target = stage.target("data");
    let act = stage.act("recovery", "data", 1, &target);
    stage.ready(2, &act);
    for index in [2, 3, 5] {
        stage.share(2, &of, index, &target);
    }
    assert_eq!(stage.execute(2).unwrap().ceremony.state(), State::Executed);
}

#[test]
fn other_people_hold_the_same_secret_afterwards() {
    let mut stage = stage();
    let (_, set) = stage.with_shares("reshare", TO);
    stage.execute(1).unwrap();
    for who in ["ann", "cho"] {
        assert_eq!(stage.confirm(&set, who, 2).unwrap_err().reason(), Reason::ShareSetNotFound, "they have none");
    }
    for who in ["dee", "eve"] {
        stage.confirm(&set, who, 2).unwrap();
    }
    stage.pass();
    assert_eq!(stage.state(1), State::Executed);
    let now = stage.set(&set).current;
    let people: Vec<_> = now.manifest().seats().iter().map(|seat| seat.custodian.to_string()).collect();
    assert_eq!((now.manifest().threshold(), people), (2, ["ben", "dee", "eve"].map(str::to_owned).to_vec()));
    // The next version goes to them too.
    stage.world.rotate("data", None).unwrap();
    let next = stage.record("data", 2).share_set.unwrap();
    let set = ShareSetName { tenant: ALICE.tenant(), set: SetId(next) };
    let people: Vec<_> = stage.set(&set).current.awaited().iter().map(ToString::to_string).collect();
    assert_eq!(people, ["ben", "dee", "eve"]);
}

#[test]
fn what_nobody_confirms_in_time_is_given_up_and_the_old_shares_go_on() {
    let mut stage = stage();
    let (_, set) = stage.with_shares("refresh", "confirmations = 4");
    stage.execute(1).unwrap();
    stage.confirm(&set, "ann", 2).unwrap();
    // Another one waits until that is settled.
    let target = stage.target("data");
    let act = stage.anew("refresh", "data", "", &target);
    assert_eq!(reason(stage.propose_with(2, &act, &[])), Reason::WrongState);
    stage.world.site.time.advance(4 * DAY_MS);
    stage.pass();
    let done = stage.get(1);
    assert_eq!(done.ceremony.state(), State::Failed);
    assert!(
        outcome(&done).contains("not confirmed by ben, cho, dee, eve: the old shares go on"),
        "{}",
        outcome(&done)
    );
    let seen = stage.set(&set);
    assert_eq!((seen.current.manifest().epoch(), seen.next), (1, None));
    assert_eq!(stage.confirm(&set, "ben", 2).unwrap_err().reason(), Reason::ShareSetNotFound);
    stage.fetched(&set, "ann", 1).unwrap();
}

#[test]
fn what_cannot_be_shared_so_is_not_proposed() {
    let mut stage = stage();
    stage.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    let target = stage.target("data");
    for more in ["confirmations = 2", "confirmations = 6", "confirmations = 0", "confirmations = 300"] {
        let act = stage.anew("refresh", "data", more, &target);
        assert_eq!(reason(stage.propose_with(1, &act, &[])), Reason::InvalidArgument, "{more}");
    }
    let good = stage.anew("refresh", "data", "", &target);
    assert_eq!(reason(stage.propose_with(1, &good.replace("epoch = 1", "epoch = 2"), &[])), Reason::WrongState);
    for other in ["keys/data/versions/2", "keys/other/versions/1", "deposits/data"] {
        let of_another = good.replace("keys/data/versions/1", other);
        assert_ne!(of_another, good);
        assert_eq!(reason(stage.propose_with(1, &of_another, &[])), Reason::WrongState, "{other}");
    }
    let set = stage.set_of("data").set.to_string();
    let unknown = good.replace(&set, &"0".repeat(32));
    assert_eq!(reason(stage.propose_with(1, &unknown, &[])), Reason::ShareSetNotFound);
    let sealing_key = hex::encode(target.record.fingerprint);
    let nowhere = good.replace(&sealing_key, &"0".repeat(64));
    assert_eq!(reason(stage.propose_with(1, &nowhere, &[])), Reason::TargetNotFound);
    let stranger = TO.replace("eve", "zoe");
    let act = stage.anew("reshare", "data", &stranger, &target);
    assert_eq!(rule(stage.propose_with(1, &act, &[])), "CEREMONY_UNKNOWN_CUSTODIAN");
    // Another tenant's set, and a target of another key.
    let proposal = stage.person("ann").sign(stage.request(1, &good).to_bytes()).to_bytes();
    let call = async |server: &Server, caller| server.engine.propose_ceremony(&caller, &proposal, &[]).await;
    assert_eq!(stage.world.call(BOB, call).unwrap_err().reason(), Reason::PermissionDenied);
    stage.make(shared("other", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    let elsewhere = stage.target("other");
    let act = stage.anew("refresh", "data", "", &elsewhere);
    assert_eq!(reason(stage.propose_with(1, &act, &[])), Reason::WrongState);
}

#[test]
fn an_end_at_any_commit_leaves_one_epoch_that_counts_and_at_most_one_that_waits() {
    for cuts in 0.. {
        let mut stage = stage();
        let (_, set) = stage.with_shares("reshare", TO);
        let caller = stage.world.run(async |server| ALICE.call(server).await).unwrap();
        let whole = stage.world.run_cut(cuts, async |server| server.engine.execute_ceremony(&caller, 1).await);
        stage.world.restart();
        if stage.state(1) == State::Ready {
            stage.execute(1).unwrap();
        }
        stage.pass();
        for who in ["ben", "eve"] {
            stage.confirm(&set, who, 2).unwrap();
        }
        // The pass that puts the new epoch in force ends somewhere too.
        stage.world.run_cut(cuts, async |server| server.engine.hold_ceremonies().await);
        stage.world.restart();
        stage.pass();
        assert_eq!(stage.state(1), State::Executed, "cut after {cuts}");
        let seen = stage.set(&set);
        assert_eq!((seen.current.manifest().epoch(), seen.next), (2, None));
        let rows = stage.world.site.store.snapshot().rows.remove(&Collection::ShareSet).unwrap();
        let sealed = rows.values().filter(|row| SealedShares::from_row(row).is_ok()).count();
        assert_eq!(sealed, 1, "the shares of the epoch that counts, and no others; cut after {cuts}");
        if whole.is_some() {
            return assert!(cuts >= 2, "{cuts}");
        }
    }
}

#[test]
fn an_old_epoch_that_is_put_back_locks_the_set() {
    let mut stage = stage();
    let (_, set) = stage.with_shares("reshare", TO);
    let before = stage.world.site.store.snapshot().rows.remove(&Collection::ShareSet).unwrap();
    stage.execute(1).unwrap();
    for who in ["ben", "eve"] {
        stage.confirm(&set, who, 2).unwrap();
    }
    stage.pass();
    assert!(before.values().any(|row| ShareSetRecord::from_row(row).is_ok()));
    stage.world.site.store.tamper(|state| drop(state.rows.insert(Collection::ShareSet, before)));
    assert_eq!(stage.fetched(&set, "ann", 1).unwrap_err().reason(), Reason::Quarantined);
    let call = async |server: &Server, caller| server.engine.read_share_set(&caller, &set).await;
    assert_eq!(stage.world.call(ALICE, call).unwrap_err().reason(), Reason::Quarantined);
}

/// The row of a key, as the database has it.
fn key_row(stage: &Stage, id: &str) -> Row {
    stage.world.site.store.snapshot().rows[&Collection::Key][&key(ALICE, id).to_string()].clone()
}

/// Whoever can write the database puts such a row back.
fn put_back(stage: &mut Stage, row: Row) {
    stage.world.site.store.tamper(|state| {
        state.rows.get_mut(&Collection::Key).unwrap().insert(row.id.clone(), row);
    });
    stage.world.restart();
}

/// A stage whose key was shared anew among other people; and the key's row from before.
fn reshared() -> (Stage, Row) {
    let mut stage = stage();
    let (_, set) = stage.with_shares("reshare", TO);
    let before = key_row(&stage, "data");
    stage.execute(1).unwrap();
    for who in ["ben", "eve"] {
        stage.confirm(&set, who, 2).unwrap();
    }
    stage.pass();
    assert_eq!(stage.state(1), State::Executed);
    (stage, before)
}

fn people(stage: &mut Stage, number: u32) -> Vec<String> {
    let set = SetId(stage.record("data", number).share_set.unwrap());
    let now = stage.set(&ShareSetName { tenant: ALICE.tenant(), set }).current;
    now.manifest().seats().iter().map(|seat| seat.custodian.to_string()).collect()
}

#[test]
fn an_old_row_of_a_key_brings_the_old_people_not_back() {
    let (mut stage, before) = reshared();
    assert_eq!(KeyRecord::from_row(&before).unwrap().sharing.unwrap().members, CUSTODIANS);
    put_back(&mut stage, before);
    stage.world.rotate("data", None).unwrap();
    assert_eq!(people(&mut stage, 2), ["ben", "dee", "eve"]);
    let now = KeyRecord::from_row(&key_row(&stage, "data")).unwrap().sharing.unwrap();
    assert_eq!((now.threshold, now.members), (2, ["ben", "dee", "eve"].map(str::to_owned).to_vec()));
}

/// When the newest version is destroyed, its set's last leaf tells who comes next.
#[test]
fn an_old_row_of_a_key_whose_newest_shares_are_gone_locks_its_next_version() {
    for is_old in [true, false] {
        let (mut stage, before) = reshared();
        stage.world.change(version("data", 1), REVOKE).unwrap();
        let destroy = Change::ScheduleDestroy { after_ms: DELAY_MS };
        stage.world.change(version("data", 1), destroy).unwrap();
        stage.world.reconcile();
        stage.world.site.time.advance(2 * DELAY_MS);
        stage.world.reconcile();
        stage.world.reconcile();
        assert_eq!(stage.world.rows(Collection::ShareSet), 0);
        if is_old {
            put_back(&mut stage, before);
            assert_eq!(reason(stage.world.rotate("data", None)), Reason::Quarantined);
        } else {
            stage.world.rotate("data", None).unwrap();
            assert_eq!(people(&mut stage, 2), ["ben", "dee", "eve"]);
        }
    }
}

/// A set that nobody destroyed is not gone because its row is.
#[test]
fn a_set_that_is_taken_from_the_database_locks_the_next_version() {
    let (mut stage, before) = reshared();
    stage.world.site.store.tamper(|state| drop(state.rows.remove(&Collection::ShareSet)));
    assert_eq!(reason(stage.world.rotate("data", None)), Reason::Quarantined);
    put_back(&mut stage, before);
    assert_eq!(reason(stage.world.rotate("data", None)), Reason::Quarantined);
}
