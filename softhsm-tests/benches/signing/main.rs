//! What a signature costs through gRPC over mutual TLS, with authorization, key lookup and durable audit all on, against
//! the raw library, the raw token and an empty call.
//!
//! Server processor time for each signature is the number that carries to other machines: here server, callers and
//! token share the cores. All cases are measured in turn, several times over, and the median counts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench may fail by panicking and prints its results"
)]

#[path = "../common/mod.rs"]
mod common;

mod case;
mod raw;
mod report;
mod target;

use std::env;

use common::load::{Sample, Span};
use hufu_softhsm_tests::Daemon;

use case::Case;
use target::Target;

/// How often every case is measured.
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(wanted) = raw::token_loop_wanted(&arguments) {
        // A process of its own, because the module is told by its environment where the token is.
        return raw::sign_on_token(wanted);
    }
    let plan = Plan::parse(&arguments);
    let daemon = Daemon::start_dev();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let measured = runtime.block_on(run(&daemon, &plan));
    report::print(&measured, plan.quick);
}

/// What to measure: `--quick`, `--only TEXT` for the cases whose name has it, `--callers N`, `--rounds N`. Anything else, such
/// as the `--bench` of cargo, is passed over.
struct Plan {
    quick: bool,
    only: String,
    callers: Option<usize>,
    rounds: usize,
}

impl Plan {
    fn parse(arguments: &[String]) -> Self {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let value = |name| arguments.iter().skip_while(|argument| **argument != name).nth(1);
        let number = |name| value(name).map(|number| number.parse().expect("a number"));
        Self {
            quick,
            only: value("--only").cloned().unwrap_or_default(),
            callers: number("--callers"),
            rounds: number("--rounds").unwrap_or(if quick { 1 } else { ROUNDS }),
        }
    }

    fn has(&self, case: Case) -> bool {
        case.name().contains(&self.only) && self.callers.is_none_or(|callers| case.callers() == callers)
    }
}

async fn run(daemon: &Daemon, plan: &Plan) -> Vec<(Case, Vec<Sample>)> {
    let target = Target::prepare(daemon).await;
    let span = if plan.quick { Span::QUICK } else { Span::FULL };
    let cases = Case::all(plan.quick).into_iter().filter(|case| plan.has(*case));
    let mut measured: Vec<(Case, Vec<Sample>)> = cases.map(|case| (case, Vec::new())).collect();
    for round in 1..=plan.rounds {
        for (case, samples) in &mut measured {
            samples.push(case.measure(&target, span).await);
        }
        eprintln!("round {round} of {}", plan.rounds);
    }
    measured
}
