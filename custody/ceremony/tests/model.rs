//! Random events against a model that is written another way: plain flags and sets, no signatures. After each event both
//! must agree on whether it was taken, and on the state; and a replay of the events must give the same ceremony.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use common::*;
use hufu_ceremony::{At, Ceremony, Fingerprint, State, StruckShare, What, Word};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const WHO: [&str; 7] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"];
const EXPIRES_MS: u64 = 7 * 24 * HOUR_MS;

/// What is tried. People are places in `WHO`.
#[derive(Clone, Debug)]
enum Try {
    Logged,
    Approve { who: usize, hours: u64 },
    ApproveAnother { who: usize },
    Veto { who: usize },
    Cancel { who: usize },
    DelayPassed,
    Share { who: usize, index: u32, sealing: u8, right_target: bool },
    Strike { who: Vec<usize>, as_brought: bool },
    Began,
    Step(u8),
    Executed { receipts: usize },
    Failed,
    Expired,
    Propose,
}

/// How far the clocks go before: wall time and uptime, in minutes. Seldom backwards.
type Gone = (i64, i64);

fn tries() -> impl Strategy<Value = (Try, Gone)> {
    let who = 0..WHO.len();
    let what = prop_oneof![
        3 => Just(Try::Logged),
        12 => (who.clone(), 1u64..40).prop_map(|(who, hours)| Try::Approve { who, hours }),
        1 => who.clone().prop_map(|who| Try::ApproveAnother { who }),
        1 => who.clone().prop_map(|who| Try::Veto { who }),
        1 => who.clone().prop_map(|who| Try::Cancel { who }),
        5 => Just(Try::DelayPassed),
        9 => (who.clone(), 0u32..5, 0u8..4, prop::bool::weighted(0.9))
            .prop_map(|(who, index, sealing, right_target)| Try::Share { who, index, sealing, right_target }),
        5 => (prop::collection::vec(who, 0..3), prop::bool::weighted(0.9))
            .prop_map(|(who, as_brought)| Try::Strike { who, as_brought }),
        4 => Just(Try::Began),
        2 => (0u8..3).prop_map(Try::Step),
        2 => (0usize..2).prop_map(|receipts| Try::Executed { receipts }),
        1 => Just(Try::Failed),
        1 => Just(Try::Expired),
        1 => Just(Try::Propose),
    ];
    let gone = prop_oneof![
        20 => (0i64..60).prop_map(|minutes| (minutes, minutes)),
        2 => (0i64..120).prop_map(|minutes| (minutes, 0)),
        2 => (0i64..120).prop_map(|minutes| (0, minutes)),
        1 => Just((24 * 60, 24 * 60)),
        1 => Just((-1, 0)),
        1 => Just((0, -1)),
    ];
    (what, gone)
}

/// What must hold, said in another way. All times are milliseconds since the start.
#[derive(Default)]
struct Model {
    needs_log: bool,
    logged: bool,
    ended: Option<State>,
    began: bool,
    delay_over: bool,
    quorum: Option<(u64, u64)>,
    /// Until when each one's approval holds, and how often it was given.
    approved: BTreeMap<usize, (u64, u32)>,
    /// Index and sealing of what each one brought, and of what was struck out.
    shares: BTreeMap<usize, (u32, u8)>,
    struck: Vec<(usize, (u32, u8))>,
    steps: BTreeSet<u8>,
    clocks: (u64, u64),
}

impl Model {
    fn state(&self) -> State {
        match self {
            Self { ended: Some(state), .. } => *state,
            Self { began: true, .. } => State::Executing,
            Self { delay_over: true, .. } => State::Ready,
            Self { quorum: Some(_), .. } => State::Delayed,
            Self { needs_log: true, logged: false, .. } => State::Proposed,
            _ => State::Collecting,
        }
    }

    /// Three people of two organisations, two of them officers: alice, who proposed, never counts.
    fn has_quorum(&self, now: u64) -> bool {
        let live: Vec<usize> = self.approved.iter().filter(|one| now < one.1.0).map(|one| *one.0).collect();
        let organisation = |who: &usize| match WHO[*who] {
            "alice" | "bob" | "frank" => 1,
            "carol" | "dave" | "grace" => 2,
            _ => 3,
        };
        let officers = live.iter().filter(|who| (1..=3).contains(*who)).count();
        let organisations: BTreeSet<u8> = live.iter().map(organisation).collect();
        live.len() >= 3 && officers >= 2 && organisations.len() >= 2
    }

    fn take(&mut self, tried: &Try, (now, up): (u64, u64)) -> bool {
        let pending = self.ended.is_none() && !self.began;
        let over = pending && now >= EXPIRES_MS;
        let in_time = now >= self.clocks.0 && up >= self.clocks.1 && (!over || matches!(tried, Try::Expired));
        if !in_time || self.ended.is_some() || !self.judge(tried, pending, (now, up)) {
            return false;
        }
        self.clocks = (now, up);
        true
    }

    fn judge(&mut self, tried: &Try, pending: bool, (now, up): (u64, u64)) -> bool {
        match tried {
            Try::Logged => pending && !std::mem::replace(&mut self.logged, true),
            Try::Approve { who, hours } => self.approve(*who, now + hours * HOUR_MS, pending, (now, up)),
            Try::Veto { who } => (pending || self.lacks_shares()) && *who == 4 && self.end(State::Rejected),
            Try::Cancel { who } => (pending || self.lacks_shares()) && *who <= 3 && self.end(State::Cancelled),
            Try::DelayPassed => {
                let (wall, uptime) = self.quorum.unwrap_or((u64::MAX, u64::MAX));
                let over = now >= wall.saturating_add(DELAY_MS) && up >= uptime.saturating_add(DELAY_MS);
                let may = pending && self.quorum.is_some() && !self.delay_over && over;
                self.delay_over |= may;
                may
            }
            Try::Share { who, index, sealing, right_target } => {
                self.share((*who, (*index, *sealing)), *right_target, pending, now)
            }
            Try::Strike { who, as_brought } => self.strike(who, *as_brought),
            Try::Began => {
                let may = pending && self.delay_over && self.has_quorum(now) && self.shares.len() >= 2;
                self.began |= may;
                may
            }
            Try::Step(label) => self.began && self.shares.len() >= 2 && self.steps.insert(*label),
            Try::Executed { receipts } => {
                let there = self.began && self.shares.len() >= 2;
                there && (*receipts > 0 || !self.needs_log) && self.end(State::Executed)
            }
            Try::Failed => self.began && self.end(State::Failed),
            Try::Expired => pending && now >= EXPIRES_MS && self.end(State::Expired),
            Try::ApproveAnother { .. } | Try::Propose => false,
        }
    }

    /// It began, and some of what was brought did not count.
    fn lacks_shares(&self) -> bool {
        self.began && self.shares.len() < 2
    }

    /// Before the beginning, or when some were struck out and it is not too late.
    fn share(&mut self, brought: (usize, (u32, u8)), right_target: bool, pending: bool, now: u64) -> bool {
        let (who, share) = brought;
        let in_place = self.lacks_shares() && now < EXPIRES_MS && self.has_quorum(now);
        let open = in_place || (pending && self.delay_over);
        let fresh = !self.shares.contains_key(&who) && !self.shares.values().any(|other| other.0 == share.0);
        let anew = self.struck.iter().all(|other| other.1 != share);
        let trusted = self.struck.iter().filter(|other| other.0 == who).count() < 3;
        let may = open && right_target && share.0 > 0 && fresh && anew && trusted;
        if may {
            self.shares.insert(who, share);
        }
        may
    }

    fn strike(&mut self, who: &[usize], as_brought: bool) -> bool {
        let people: BTreeSet<usize> = who.iter().copied().collect();
        let distinct = !people.is_empty() && people.len() == who.len();
        let brought = people.iter().all(|who| self.shares.contains_key(who));
        let too_few = self.shares.len() < 2 + people.len();
        let may = self.began && self.steps.is_empty() && as_brought && distinct && brought && too_few;
        if may {
            self.struck.extend(who.iter().filter_map(|who| self.shares.remove_entry(who)));
        }
        may
    }

    fn approve(&mut self, who: usize, until: u64, pending: bool, now: (u64, u64)) -> bool {
        let (held_until, times) = self.approved.get(&who).copied().unwrap_or_default();
        let open = pending && (self.logged || !self.needs_log);
        if !open || who == 0 || now.0 < held_until || times == 3 {
            return false;
        }
        let had = self.has_quorum(now.0);
        self.approved.insert(who, (until, times + 1));
        if !had && self.has_quorum(now.0) {
            (self.quorum, self.delay_over) = (Some(now), false);
        }
        true
    }

    fn end(&mut self, state: State) -> bool {
        self.ended = Some(state);
        true
    }
}

fn event(world: &World, ceremony: &Ceremony, tried: &Try, at: At) -> What {
    let decide = |who: &usize, word, hours| world.decide(ceremony, WHO[*who], word, at.wall_ms + hours * HOUR_MS);
    match tried {
        Try::Logged => What::Logged(b"receipt".to_vec().into()),
        Try::Approve { who, hours } => What::Approved(decide(who, Word::Approve, *hours)),
        Try::ApproveAnother { who } => {
            let other = world.propose(&world.request(99, RECOVERY)).unwrap();
            What::Approved(world.decide(&other, WHO[*who], Word::Approve, at.wall_ms + HOUR_MS))
        }
        Try::Veto { who } => What::Vetoed(decide(who, Word::Veto, 1)),
        Try::Cancel { who } => What::Cancelled(decide(who, Word::Cancel, 1)),
        Try::DelayPassed => What::DelayPassed,
        Try::Share { who, index, sealing, right_target } => world.odd_share(ceremony, WHO[*who], *index, |share| {
            share.sealed_to = share.sealed_to.filter(|_| *right_target);
            share.digest.0[1] = *sealing;
        }),
        Try::Strike { who, as_brought } => {
            let struck = |who: &usize| match world.struck(ceremony, WHO[*who]) {
                Some(struck) if *as_brought => struck,
                _ => StruckShare { digest: Fingerprint([0; 32]), ..world.struck_by(WHO[*who]) },
            };
            What::SharesStruck(who.iter().map(struck).collect())
        }
        Try::Began => What::Began,
        Try::Step(label) => What::StepDone(format!("step-{label}").try_into().unwrap(), Vec::new().into()),
        Try::Executed { receipts } => {
            What::Executed("done".try_into().unwrap(), vec![b"receipt".to_vec().into(); *receipts])
        }
        Try::Failed => What::Failed("it was not to be".try_into().unwrap()),
        Try::Expired => What::Expired,
        Try::Propose => ceremony.events()[0].what.clone(),
    }
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// Runs both, and tells the states that were reached.
fn run(tried: Vec<(Try, Gone)>, logged: bool) -> Result<Vec<State>, TestCaseError> {
    let world = &*WORLD;
    let mut ceremony = world.propose(&world.request(1, RECOVERY)).unwrap();
    let mut model = Model { needs_log: true, ..Model::default() };
    let (mut now, mut up) = (0i64, 0i64);
    let mut reached = vec![ceremony.state()];
    let start = logged.then_some((Try::Logged, (0, 0)));
    for (tried, (wall, uptime)) in start.into_iter().chain(tried) {
        (now, up) = ((now + wall * 60_000).max(0), (up + uptime * 60_000).max(0));
        let clocks = (now.unsigned_abs(), up.unsigned_abs());
        let at = at(START_MS + clocks.0, clocks.1);
        let what = event(world, &ceremony, &tried, at);
        let taken = model.take(&tried, clocks);
        match ceremony.apply(what, at) {
            Ok(next) => {
                prop_assert!(taken, "taken: {tried:?}");
                ceremony = next;
            }
            Err(refusal) => prop_assert!(!taken, "refused: {tried:?}: {refusal}"),
        }
        prop_assert_eq!(ceremony.state(), model.state(), "after {:?}", tried);
        reached.push(ceremony.state());
    }
    let again = Ceremony::replay(Arc::clone(&world.grounds), ceremony.events());
    prop_assert_eq!(again, Ok(ceremony));
    Ok(reached)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_the_model_does(tried in prop::collection::vec(tries(), 1..60), logged in any::<bool>()) {
        run(tried, logged)?;
    }
}

/// Without this the test above could pass by never getting anywhere. The seed is fixed.
#[test]
fn random_events_reach_every_state() {
    let config = ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let reached = RefCell::new(BTreeMap::<&str, u32>::new());
    let cases = (prop::collection::vec(tries(), 1..120), any::<bool>());
    let outcome = TestRunner::new_with_rng(config, rng).run(&cases, |(tried, logged)| {
        for state in run(tried, logged)? {
            *reached.borrow_mut().entry(state.as_str()).or_default() += 1;
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    println!("{:?}", reached.borrow());
    assert_eq!(reached.borrow().len(), 10, "{:?}", reached.borrow());
}
