//! What it costs to keep the driver in a process of its own: P-256 signatures on SoftHSM through the worker, through the
//! backend in this process, and in a raw cryptoki loop.
//!
//! Cases are measured in turn, several times over, and the median counts: compare numbers of one run. `--quick` shows that
//! it works, `--only WAY`, `--sessions N` and `--callers N` choose cases, `--rounds N` repeats.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench may fail by panicking and prints its results"
)]

#[path = "../common/output.rs"]
mod output;
#[path = "../common/process.rs"]
mod process;
#[path = "../common/scratch.rs"]
mod scratch;

mod load;
mod report;
mod scene;

use std::env;

use load::Sample;
use scene::{Case, Scene};

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if !scratch::is_prepared() {
        // The module is told by the environment where its token is: a process of its own.
        return scratch::prepare_and_run(&arguments);
    }
    let plan = Plan::parse(&arguments);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let measured = runtime.block_on(run(&plan));
    report::print(&measured, plan.quick);
}

struct Plan {
    quick: bool,
    only: Option<String>,
    sessions: Option<usize>,
    callers: Option<usize>,
    rounds: usize,
}

impl Plan {
    fn parse(arguments: &[String]) -> Self {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let value = |name| arguments.iter().skip_while(|argument| **argument != name).nth(1);
        let number = |name| value(name).map(|number| number.parse().expect("a number"));
        let rounds = number("--rounds").unwrap_or(if quick { 1 } else { ROUNDS });
        let only = value("--only").cloned();
        Self { quick, only, sessions: number("--sessions"), callers: number("--callers"), rounds }
    }

    fn cases(&self) -> Vec<Case> {
        let sessions = [1, 2].into_iter().filter(|n| self.sessions.is_none_or(|wanted| wanted == *n));
        let callers: &[usize] = if self.quick { &[1, 64] } else { &[1, 2, 4, 8, 16, 32, 64] };
        let callers = callers.iter().copied().filter(|n| self.callers.is_none_or(|wanted| wanted == *n));
        let callers: Vec<usize> = callers.collect();
        let cases = sessions.flat_map(|sessions| Case::all(sessions, &callers));
        cases.filter(|case| self.only.as_deref().is_none_or(|only| only == case.way.words())).collect()
    }
}

async fn run(plan: &Plan) -> Vec<(Case, Vec<Sample>)> {
    let scene = Scene::open().await;
    let mut measured: Vec<(Case, Vec<Sample>)> = plan.cases().into_iter().map(|case| (case, Vec::new())).collect();
    for round in 1..=plan.rounds {
        for (case, samples) in &mut measured {
            samples.push(scene.measure(*case, plan.quick).await);
        }
        eprintln!("round {round} of {}", plan.rounds);
    }
    measured
}
