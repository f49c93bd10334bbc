//! The stories that are told: many, on one server and on two; the same one twice; and worlds that break a promise.

use std::time::Instant;

use crate::common::store::Mutation;
use crate::oracle::Coverage;
use crate::story::{Ending, Plan};

/// Stories told of one server, and of two, when nobody asks for more.
const SEEDS: u64 = 20;
/// Most stories until a broken promise must have been noticed.
const MUTANT_SEEDS_MAX: u64 = 40;
const TURNS: u32 = 6_000;

/// Broken promises, and the servers of the worlds that break them.
const MUTATIONS: [(Mutation, usize); 13] = [
    (Mutation::ForgetLeaf, 1),
    (Mutation::ForgetFeed, 1),
    (Mutation::ForgetFeed, 2),
    (Mutation::ForgetGuards, 1),
    (Mutation::ForgetGuards, 2),
    (Mutation::ForgetAudit, 1),
    (Mutation::AnswerEarly, 1),
    (Mutation::AnswerOldOrder, 1),
    (Mutation::AnswerOldOrder, 2),
    (Mutation::DenyCommit, 1),
    (Mutation::DenyCommit, 2),
    (Mutation::LoseTail, 1),
    (Mutation::KeepObjects, 1),
];

#[test]
fn one_server_keeps_every_promise() {
    tell(1, "one_server_keeps_every_promise");
}

#[test]
fn two_servers_keep_every_promise() {
    tell(2, "two_servers_keep_every_promise");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for servers in [1, 2] {
        let plan = Plan { seed: 4_711, servers, turns: TURNS, mutation: None };
        assert_eq!(plan.tell(), plan.tell());
    }
}

#[test]
fn every_broken_promise_is_noticed() {
    for (mutation, servers) in MUTATIONS {
        let broken = |seed: u64| Plan { seed, servers, turns: TURNS, mutation: Some(mutation) }.tell().err();
        let noticed = (1..=MUTANT_SEEDS_MAX).find_map(|seed| Some((seed, broken(seed)?)));
        match noticed {
            Some((seed, what)) => println!("{mutation:?}: noticed in story {seed}: {what}"),
            None => panic!("{mutation:?} was not noticed in {MUTANT_SEEDS_MAX} stories"),
        }
    }
}

fn tell(servers: usize, test: &str) {
    let (began, mut all) = (Instant::now(), Coverage::default());
    let seeds = seeds();
    let count = seeds.len();
    for seed in seeds {
        let _teller = Teller { seed, test };
        match (Plan { seed, servers, turns: TURNS, mutation: None }).tell() {
            Ok(Ending { coverage, .. }) => all = all.with(coverage),
            Err(what) => panic!("{what}"),
        }
    }
    println!("{count} stories of {servers} in {:?}: {all:?}", began.elapsed());
    if count as u64 >= SEEDS {
        all.assert_rich();
    }
}

fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match (number("HUFU_SIM_SEED"), number("HUFU_SIM_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (1..=count.unwrap_or(SEEDS)).collect(),
    }
}

/// Says how to tell a story again when it ends badly, in whatever way.
struct Teller<'a> {
    seed: u64,
    test: &'a str,
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, test } = self;
            eprintln!("HUFU_SIM_SEED={seed} cargo test -p hufu-engine --test simulation -- {test} --nocapture");
        }
    }
}

impl Coverage {
    fn with(self, other: Self) -> Self {
        Self {
            commits: self.commits + other.commits,
            changes: self.changes + other.changes,
            outputs: self.outputs + other.outputs,
            withheld: self.withheld + other.withheld,
            replays: self.replays + other.replays,
            refusals: self.refusals + other.refusals,
            destroyed: self.destroyed + other.destroyed,
            withdrawn: self.withdrawn + other.withdrawn,
            crashes: self.crashes + other.crashes,
            rotated: self.rotated + other.rotated,
        }
    }

    /// Stories in which nothing happens prove nothing.
    fn assert_rich(&self) {
        let Self { commits, changes, outputs, withheld, replays, refusals, destroyed, withdrawn, crashes, rotated } =
            *self;
        let counts = [commits, changes, outputs, withheld, replays, refusals, destroyed, withdrawn, crashes, rotated];
        assert!(counts.iter().all(|count| *count >= 5), "{self:?}");
    }
}
