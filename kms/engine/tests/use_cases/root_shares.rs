//! A root that custodians hold together gets another master key: the old shares die when the new ones are confirmed, and not before;
//! with an end at every commit, and with rows of before put back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hufu_ceremony::{CeremonyPolicy, State, Word};
use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::name::{SYSTEM_TENANT, SetId, ShareSetName, TenantId};
use hufu_core::record::{Deployment, NextMaster, Protection, Record as _, SealedShares, ShareSetRecord};
use hufu_engine::api::{CeremonyWord, CreateKey, DepositView};
use hufu_secret::SecretBytes;
use hufu_shares::{Dealt, Error, Fault, OpenedShare, Share, SignedManifest, combine};
use hufu_storage::MemoryState;

use crate::ceremonies::{DAY_MS, DELAY_MS, Stage};
use crate::common::server::Server;
use crate::common::split::SimSplit;
use crate::common::world::{ALICE, BOB, World};
use crate::deposits::{self, APP, How};
use crate::recovery::outcome;
use crate::requests::{create, reason};
use crate::roots::assert_all_open;

fn policy(deployment: &str) -> CeremonyPolicy {
    let root = "[rules.rotate-root]\napprovals = 1\norganisations = 1\nlifetime_max_s = 604800\n";
    let recovery = "[rules.recovery]\napprovals = 2\norganisations = 2\nveto = \"auditor\"\ndelay_s = 3600\n\
                    lifetime_max_s = 604800\nshares = 3\n";
    let roster = recovery.replace("recovery", "roster-change").replace("shares = 3\n", "");
    let rules = format!("{root}{recovery}{roster}");
    CeremonyPolicy::from_toml(&format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n{rules}")).unwrap()
}

/// Custodians of before hold the root, two of three; a key lives under it.
fn stage() -> Stage {
    let mut stage = Stage::peopled(World::split(), policy);
    let soft = CreateKey { protection: Protection::Software, ..create(ALICE, "soft", Algorithm::Ed25519) };
    stage.make(soft).unwrap();
    stage
}

fn to(more: &str, threshold: u32, custodians: &str) -> String {
    format!(
        "rotate-root]\nslot = \"custodians\"\n{more}[act.rotate-root.shares]\nthreshold = {threshold}\ncustodians = [{custodians}]\n"
    )
}

const PEOPLE: [&str; 3] = ["ben", "dee", "eve"];

/// To two of three others.
fn act() -> String {
    to("", 2, "\"ben\", \"dee\", \"eve\"")
}

impl Stage {
    fn split(&self) -> Arc<SimSplit> {
        self.world.site.split.clone().unwrap()
    }

    fn first(&self) -> SignedManifest {
        self.split().first.lock().as_ref().unwrap().0.clone()
    }

    fn root_set(&self) -> ShareSetName {
        let set = SetId(self.first().unverified().set().0);
        ShareSetName { tenant: TenantId::parse(SYSTEM_TENANT).unwrap(), set }
    }

    fn old_share(&self, at: usize) -> OpenedShare {
        let split = self.split();
        let first = split.first.lock();
        let (_, shares) = first.as_ref().unwrap();
        shares[at].open(&self.dealer(), &split.people[at]).unwrap()
    }

    fn open_share(&self, share: &Share, who: &str) -> OpenedShare {
        share.open(&self.dealer(), self.person(who)).unwrap()
    }

    /// Two of the new shares, fetched as their custodians fetch them: what they make opens later starts.
    fn gather(&mut self, epoch: u32) -> SignedManifest {
        let set = self.root_set();
        let shares = ["eve", "ben"].map(|who| (self.fetched(&set, who, epoch).unwrap(), who));
        let signed = shares[0].0.manifest().clone();
        let opened = shares.map(|(share, who)| self.open_share(&share, who));
        let master = combine(&signed, &signed.digest(), opened).unwrap();
        self.split().masters.lock().insert(signed.digest().0, Arc::new(master));
        signed
    }

    fn confirm_all(&mut self, epoch: u32) {
        let set = self.root_set();
        for who in PEOPLE {
            self.confirm(&set, who, epoch).unwrap();
        }
    }

    fn meta(&self, id: &str) -> bool {
        self.world.site.store.snapshot().rows[&Collection::Meta].contains_key(id)
    }

    fn deployment(&self) -> Deployment {
        let rows = self.world.site.store.snapshot().rows;
        Deployment::from_row(&rows[&Collection::Meta][Deployment::ID]).unwrap()
    }

    fn forget(&self, manifest: &SignedManifest) {
        self.split().masters.lock().remove(&manifest.digest().0);
    }
}

#[test]
fn the_shares_of_before_open_nothing_once_the_new_ones_count() {
    let mut stage = stage();
    let (set, first, before) = (stage.root_set(), stage.first(), stage.deployment());
    stage.ready(1, &act());
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executing);
    let seen = stage.set(&set);
    assert_eq!((seen.current.manifest().epoch(), seen.next.as_ref().unwrap().required()), (1, 3));
    assert!(stage.meta(NextMaster::ID));
    let second = stage.gather(2);
    for who in &PEOPLE[..2] {
        stage.confirm(&set, who, 2).unwrap();
    }
    // The old shares open it until the last one has confirmed.
    stage.world.restart();
    stage.pass();
    assert_eq!((stage.state(1), stage.deployment()), (State::Executing, before.clone()));
    stage.confirm(&set, "eve", 2).unwrap();
    stage.pass();
    let done = stage.get(1);
    assert_eq!(done.ceremony.state(), State::Executed);
    assert!(outcome(&done).starts_with("epoch 2 counts, 2 of 3, manifest "), "{}", outcome(&done));
    let after = stage.deployment();
    assert!(!stage.meta(NextMaster::ID));
    assert_eq!(
        Deployment { root_locator: None, log_locator: None, ..after.clone() },
        Deployment { root_locator: None, log_locator: None, ..before.clone() }
    );
    assert!(after.root_locator != before.root_locator && after.log_locator != before.log_locator);
    // The server that is open goes on, and signs what the log holds.
    stage.world.sequence();
    hufu_ceremony::verify(&stage.transcript(1), &stage.pins()).unwrap();
    // The next start asks for the new shares, and they open everything; the log's key is what it was.
    assert_all_open(&mut stage.world);
    stage.world.sequence();
    // Only they do: the master key of before under the new manifest is another server's in a database that it cannot open.
    let old = stage.split().masters.lock()[&first.digest().0].clone();
    let new = stage.split().masters.lock().insert(second.digest().0, old).unwrap();
    assert!(stage.world.try_restart().unwrap_err().contains("token"), "the old master key opened it");
    stage.split().masters.lock().insert(second.digest().0, new);
    stage.forget(&first);
    assert_all_open(&mut stage.world);
}

#[test]
fn a_server_that_was_opened_before_goes_on_and_replaces_the_shares_again() {
    let mut stage = stage();
    for number in 1..=3 {
        let epoch = u32::try_from(number).unwrap() + 1;
        stage.ready(number, &act());
        stage.execute(number).unwrap();
        stage.gather(epoch);
        stage.confirm_all(epoch);
        stage.pass();
        assert_eq!(stage.state(number), State::Executed, "{}", outcome(&stage.get(number)));
        if number > 1 {
            assert_all_open(&mut stage.world);
        }
    }
    let set = stage.root_set();
    assert_eq!(stage.set(&set).current.manifest().epoch(), 4);
    let rows = stage.world.site.store.snapshot().rows.remove(&Collection::ShareSet).unwrap();
    let sealed = rows.values().filter(|row| SealedShares::from_row(row).is_ok()).count();
    assert_eq!(sealed, 1, "the shares of the epoch that counts, and no others");
}

#[test]
fn too_few_new_shares_and_shares_of_two_epochs_make_nothing() {
    let mut stage = stage();
    stage.ready(1, &act());
    stage.execute(1).unwrap();
    let (set, second) = (stage.root_set(), stage.gather(2));
    let share = stage.fetched(&set, "dee", 2).unwrap();
    let new = || stage.open_share(&share, "dee");
    let made = |shares| combine(&second, &second.digest(), shares).unwrap_err();
    assert!(matches!(made(vec![new()]), Error::Missing(missing) if missing.count == 1));
    let Error::Culprits(culprits) = made(vec![new(), stage.old_share(0)]) else { panic!("an old share passed") };
    assert_eq!((culprits[0].custodian.as_str(), culprits[0].index), ("old-1", 1));
    assert_eq!(culprits[0].fault, Fault::OtherEpoch { found: 1, expected: 2 });
    let first = stage.first();
    let mixed = combine(&first, &first.digest(), vec![stage.old_share(2), new()]).unwrap_err();
    assert!(matches!(mixed, Error::Culprits(_)));
}

#[test]
fn what_nobody_confirms_in_time_is_given_up_and_the_old_shares_go_on() {
    let mut stage = stage();
    let (set, before) = (stage.root_set(), stage.deployment());
    stage.ready(1, &to("confirmations = 3\n", 2, "\"ben\", \"dee\", \"eve\", \"cho\""));
    stage.execute(1).unwrap();
    stage.confirm(&set, "ben", 2).unwrap();
    assert_eq!(reason(stage.propose_with(2, &act(), &[])), Reason::WrongState, "one is under way");
    stage.world.site.time.advance(4 * DAY_MS);
    stage.pass();
    let done = stage.get(1);
    assert_eq!(done.ceremony.state(), State::Failed);
    assert!(outcome(&done).contains("not confirmed by dee, eve, cho: the old shares go on"), "{}", outcome(&done));
    assert!(!stage.meta(NextMaster::ID));
    assert_eq!((stage.deployment(), stage.set(&set).next), (before, None));
    assert_eq!(reason(stage.confirm(&set, "dee", 2)), Reason::ShareSetNotFound);
    assert_all_open(&mut stage.world);
}

#[test]
fn an_end_at_any_commit_leaves_one_set_of_shares_that_opens_everything() {
    for cuts in 0.. {
        let mut stage = stage();
        stage.ready(1, &act());
        let caller = stage.world.run(async |server| ALICE.call(server).await).unwrap();
        let whole = stage.world.run_cut(cuts, async |server| server.engine.execute_ceremony(&caller, 1).await);
        assert_all_open(&mut stage.world);
        if stage.state(1) == State::Ready {
            stage.execute(1).unwrap();
        }
        stage.pass();
        stage.gather(2);
        stage.confirm_all(2);
        // The pass that puts the new master key in force ends somewhere too.
        stage.world.run_cut(cuts, async |server| server.engine.hold_ceremonies().await);
        assert_all_open(&mut stage.world);
        stage.pass();
        assert_eq!(stage.state(1), State::Executed, "cut after {cuts}");
        stage.forget(&stage.first());
        assert_all_open(&mut stage.world);
        assert!(!stage.meta(NextMaster::ID));
        if whole.is_some() {
            return assert!(cuts >= 2, "{cuts}");
        }
    }
}

/// The database as it was before, with t of the old shares: what the ledger knows is not forgotten.
#[test]
fn rows_of_before_do_not_bring_dead_shares_back() {
    let mut stage = stage();
    stage.ready(1, &act());
    stage.execute(1).unwrap();
    let before = stage.world.site.store.snapshot();
    stage.gather(2);
    stage.confirm_all(2);
    stage.pass();
    assert_eq!(stage.state(1), State::Executed);
    let put_back = |state: &mut MemoryState, sets: bool| {
        let row = before.rows[&Collection::Meta][Deployment::ID].clone();
        state.rows.get_mut(&Collection::Meta).unwrap().insert(Deployment::ID.to_owned(), row);
        let old = if sets { before.rows[&Collection::ShareSet].clone() } else { Default::default() };
        state.rows.insert(Collection::ShareSet, old);
    };
    for sets in [true, false] {
        stage.world.site.store.tamper(|state| put_back(state, sets));
        let refused = stage.world.try_restart().unwrap_err();
        assert!(refused.contains("not as the ledger tells"), "{refused}");
    }
}

#[test]
fn whoever_left_the_roster_before_the_new_shares_count_holds_none() {
    let mut stage = stage();
    let (set, before) = (stage.root_set(), stage.deployment());
    stage.ready(1, &act());
    stage.execute(1).unwrap();
    for who in ["ben", "eve"] {
        stage.confirm(&set, who, 2).unwrap();
    }
    // Eve, who has confirmed, is in it still, with a key of a second enrolment that her share is not sealed to.
    let again = hufu_custodian::testing::Person::new("eve-2", "east").custodian();
    let entries = stage.roster.custodians().iter().cloned().map(|entry| match entry.name.as_str() {
        "eve" => hufu_custodian::Custodian { sealing: again.sealing.clone(), ..entry },
        _ => entry,
    });
    let next = stage.roster.next(entries.collect()).unwrap();
    let change = format!("roster-change]\nnext = \"{}\"\n", hex::encode(next.hash().0));
    stage.propose_with(2, &change, &next.to_bytes()).unwrap();
    for who in ["ben", "cho"] {
        stage.approve(2, who).unwrap();
    }
    stage.world.site.time.advance(crate::ceremonies::DELAY_MS);
    stage.pass();
    stage.execute(2).unwrap();
    assert_eq!(stage.state(2), State::Executed);
    stage.confirm(&set, "dee", 2).unwrap();
    stage.pass();
    let failed = stage.get(1);
    assert_eq!(failed.ceremony.state(), State::Failed);
    assert!(
        outcome(&failed).contains("no longer in the roster with the key of the share: eve"),
        "{}",
        outcome(&failed)
    );
    assert!(!stage.meta(NextMaster::ID));
    assert_eq!((stage.deployment(), stage.set(&set).next), (before, None));
    assert_all_open(&mut stage.world);
}

#[test]
fn no_new_shares_let_fewer_people_open_the_root() {
    let mut stage = stage();
    let refused = |stage: &mut Stage, threshold| {
        let error = stage.propose_with(9, &to("", threshold, "\"ben\", \"dee\", \"eve\""), &[]).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidArgument);
        error.message().to_owned()
    };
    assert!(refused(&mut stage, 1).contains("at least 2 here"));
    stage.ready(1, &to("", 3, "\"ben\", \"dee\", \"eve\""));
    // Nor by a request of before the threshold rose.
    stage.ready(2, &act());
    stage.execute(1).unwrap();
    stage.confirm_all(2);
    stage.pass();
    assert_eq!(stage.state(1), State::Executed);
    let failed = stage.execute(2).unwrap();
    assert!(outcome(&failed).contains("at least 3 here"), "{}", outcome(&failed));
    assert!(refused(&mut stage, 2).contains("at least 3 here"));
}

#[test]
fn what_cannot_be_dealt_so_is_not_proposed() {
    let mut stage = stage();
    let refused = |stage: &mut Stage, act: &str| reason(stage.propose_with(1, act, &[]));
    for slot in ["token", "nowhere"] {
        let elsewhere = act().replace("\"custodians\"", &format!("\"{slot}\""));
        assert_eq!(refused(&mut stage, &elsewhere), Reason::InvalidArgument, "{slot}");
    }
    let alone = "rotate-root]\nslot = \"custodians\"\n";
    assert_eq!(refused(&mut stage, alone), Reason::UnsupportedByBackend);
    // One of those who have confirmed may have lied.
    for confirmations in [0, 1, 2, 5, 300] {
        let more = to(&format!("confirmations = {confirmations}\n"), 2, "\"ben\", \"dee\", \"eve\", \"cho\"");
        let error = stage.propose_with(1, &more, &[]).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidArgument, "{confirmations}");
        assert!(error.advice().unwrap().contains("one more than the threshold"), "{confirmations}");
    }
    // A set of the root is not shared anew: whether the database has it by now or not.
    for epoch in [1, 2] {
        let refresh = format!(
            "refresh]\nsubject = \"root\"\nshares = {{ set = \"{}\", epoch = {epoch}, manifest = \"{}\" }}\n[act.refresh.target]\n\
             kind = \"process\"\nsealing_key = \"{}\"\n",
            stage.root_set().set,
            stage.first().digest(),
            "0".repeat(64),
        );
        let error = stage.propose_with(1, &refresh, &[]).unwrap_err();
        assert!(error.message().contains("the set is of the root"), "{}", error.message());
        if epoch == 1 {
            stage.ready(7, &act());
            stage.execute(7).unwrap();
        }
    }
    // Who carries at home carries the root's shares, and reads of them, from any tenant.
    let set = stage.root_set();
    let read = stage.world.call(BOB, async |server, caller| server.engine.read_share_set(&caller, &set).await);
    assert_eq!(read.unwrap().name, set);
    let of_a_token = Stage::under(policy).propose_with(1, &act().replace("\"custodians\"", "\"token\""), &[]);
    assert_eq!(reason(of_a_token), Reason::UnsupportedByBackend);
}

/// A deposit that was dealt under the id of the root's share set.
fn squatting(stage: &mut Stage) -> Result<DepositView, hufu_core::Error> {
    let dealt = How::new(stage, "squat").deal(stage, &SecretBytes::from_slice(b"whatever"));
    let (own, root) = (dealt.manifest().set().0, stage.root_set().set.0);
    let mut bytes = dealt.to_bytes();
    let at = bytes.windows(own.len()).position(|window| *window == own).unwrap();
    bytes[at..at + own.len()].copy_from_slice(&root);
    deposits::create(stage, APP, "squat", &Dealt::from_bytes(&bytes).unwrap())
}

fn stage_with_application() -> Stage {
    let mut stage = stage();
    stage.world.run(async |server| APP.register(server, true).await).unwrap();
    stage
}

/// The root gets other shares, which open what there is.
fn replaced(stage: &mut Stage) {
    let first = stage.first();
    stage.ready(1, &act());
    stage.execute(1).unwrap();
    stage.gather(2);
    stage.confirm_all(2);
    stage.pass();
    assert_eq!(stage.state(1), State::Executed, "{}", outcome(&stage.get(1)));
    stage.forget(&first);
    assert_all_open(&mut stage.world);
    stage.world.sequence();
}

#[test]
fn nobody_deposits_anything_under_the_id_of_the_root() {
    let mut stage = stage_with_application();
    for _ in 0..2 {
        let error = squatting(&mut stage).unwrap_err();
        assert_eq!((error.reason(), error.at_field()), (Reason::ShareRefused, Some("dealt")));
        assert!(error.message().contains("that of the root's share set"), "{}", error.message());
        assert_eq!(stage.world.rows(Collection::ShareSet), 0);
        assert_all_open(&mut stage.world);
    }
    replaced(&mut stage);
    assert_eq!(squatting(&mut stage).unwrap_err().reason(), Reason::ShareRefused);
}

/// A server that did not know better has taken it: its row and its leaf are as they should be.
#[test]
fn what_was_deposited_under_the_id_of_the_root_stops_neither_starts_nor_new_shares() {
    let mut stage = stage_with_application();
    stage.split().unsaid.store(true, Ordering::Relaxed);
    stage.world.restart();
    squatting(&mut stage).unwrap();
    stage.split().unsaid.store(false, Ordering::Relaxed);
    assert_all_open(&mut stage.world);
    assert!(stage.world.server.alarms.all().iter().any(|alarm| alarm.detail.contains("of something else")));
    replaced(&mut stage);
    // Giving the deposit up, allowed or not, does not take the root's set with it.
    let deposit = "tenants/acme/deposits/squat".parse().unwrap();
    drop(stage.world.call(APP, async |server, caller| server.engine.delete_deposit(&caller, &deposit).await));
    stage.world.site.time.advance(30 * DAY_MS);
    stage.pass();
    let set = stage.root_set();
    assert_eq!(stage.set(&set).current.manifest().epoch(), 2);
    assert_all_open(&mut stage.world);
}

#[test]
fn a_row_that_somebody_put_under_the_id_of_the_root_stops_neither_starts_nor_new_shares() {
    let mut stage = stage_with_application();
    let dealt = How::new(&mut stage, "other").deal(&stage, &SecretBytes::from_slice(b"whatever"));
    deposits::create(&mut stage, APP, "other", &dealt).unwrap();
    let other = SetId(dealt.manifest().set().0).to_string();
    let root = stage.root_set().set;
    stage.world.site.store.tamper(|state| {
        let rows = state.rows.get_mut(&Collection::ShareSet).unwrap();
        let record = ShareSetRecord::from_row(&rows[&other]).unwrap();
        let moved = ShareSetRecord { set: root, ..record }.to_row(5);
        rows.insert(moved.id.clone(), moved);
    });
    assert_all_open(&mut stage.world);
    replaced(&mut stage);
}

/// A ceremony whose shares were given up ends so, even if it finds those of another ceremony by then: they are not its own.
#[test]
fn a_ceremony_neither_counts_nor_gives_up_what_another_has_dealt() {
    let mut stage = stage();
    let set = stage.root_set();
    // Both are ready before either is begun.
    let mut later = stage.request(2, &act());
    later.expires_at_ms += 4 * DAY_MS;
    let proposal = stage.person("ann").sign(later.to_bytes()).to_bytes();
    let propose = async |server: &Server, caller| server.engine.propose_ceremony(&caller, &proposal, &[]).await;
    stage.world.call(ALICE, propose).unwrap();
    stage.ready(1, &act());
    // Their approvals hold until the first one's time is long over.
    let of = stage.get(2).ceremony;
    let from = of.events()[0].at.wall_ms;
    for who in ["ben", "dee"] {
        let person = stage.person(who);
        let decision = of.decision(&person.name(), Word::Approve, (from, from + 6 * DAY_MS));
        let approval = person.sign(decision.to_bytes()).to_bytes();
        stage.bring(2, CeremonyWord::Approve, &approval).unwrap();
    }
    stage.world.site.time.advance(DELAY_MS);
    stage.pass();
    assert_eq!(stage.state(2), State::Ready);
    stage.execute(1).unwrap();
    stage.world.site.time.advance(4 * DAY_MS);
    // Given up, and ended before the ceremony could say that it has failed.
    for cuts in 1.. {
        assert!(stage.world.run_cut(cuts, async |server| server.engine.hold_ceremonies().await).is_none());
        if stage.set(&set).next.is_none() {
            break;
        }
    }
    assert_eq!(stage.state(1), State::Executing);
    stage.execute(2).unwrap();
    stage.confirm_all(2);
    stage.gather(2);
    // The first comes first.
    stage.pass();
    let failed = stage.get(1);
    assert_eq!(failed.ceremony.state(), State::Failed);
    assert!(outcome(&failed).contains("not confirmed by ben, dee, eve"), "{}", outcome(&failed));
    assert_eq!(stage.state(2), State::Executed, "{}", outcome(&stage.get(2)));
    assert_all_open(&mut stage.world);
}
