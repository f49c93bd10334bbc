//! The process ends between token and database, at each step of making and destroying a key: no object stays without
//! a record, no usable version without its object, and nothing is called destroyed that is still there.
//!
//! The steps are in one process, so the test runs itself again as that process, and ends it at one of them.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod doomed;
mod inspect;
mod tripwire;

use hufu_sdk::v1;
use hufu_softhsm_tests::{Daemon, Stopped};

use doomed::{Orders, Task};
use inspect::{at_rest, in_order};
use tripwire::{Edge, Step};

const ANNOUNCED: &str = "commit service.announce";
const GENERATED: &str = "perform generate";
const UNWRAPPED: &str = "perform unwrap";
const IMPORTED: &str = "commit key.import";
const CLAIMED: &str = "commit service.reconcile claimed";
const WITHDRAWN: &str = "commit service.reconcile withdrawn";
const DELETED: &str = "perform destroy";
const LOOKED: &str = "perform find";
const EDGES: [Edge; 2] = [Edge::Before, Edge::After];

/// Runs as the process that ends in the middle; does nothing in an ordinary run of the tests.
#[test]
fn doomed_process() {
    if let Some(orders) = Orders::of_this_process() {
        orders.carry_out();
    }
}

#[test]
fn no_orphan_whenever_creation_ends() {
    let mut stopped = Daemon::start_dev().terminate();
    for (n, step) in steps(&[ANNOUNCED, GENERATED, "commit key.create"]).enumerate() {
        let key = format!("k{n}");
        stopped = one_end(stopped, Task::Create, &key, &step, |cli, state| {
            let committed = step.what == "commit key.create" && step.edge == Edge::After;
            assert_eq!(state, committed.then_some("active"), "{step:?}");
            if !committed {
                // The name is free: nothing was made.
                cli.ok(&format!("key create {key} --algorithm p256 --protection hsm"));
            }
            cli.ok(&format!("sign {key} --in message --out sig"));
        });
    }
}

#[test]
fn no_orphan_whenever_rotation_ends() {
    let mut stopped = Daemon::start_dev().terminate();
    for (n, step) in steps(&[ANNOUNCED, GENERATED, "commit key.rotate"]).enumerate() {
        let key = format!("k{n}");
        stopped = one_end(stopped, Task::Rotate, &key, &step, |cli, state| {
            let committed = step.what == "commit key.rotate" && step.edge == Edge::After;
            assert_eq!(state, Some(if committed { "deactivated" } else { "active" }), "{step:?}");
            cli.ok(&format!("sign {key} --in message --out sig"));
            cli.ok(&format!("key rotate {key}"));
            cli.ok(&format!("sign {key} --in message --out sig"));
        });
    }
}

/// An import is counted before it is opened, opened under an intent, and ends its import key after it is committed.
#[test]
fn no_orphan_whenever_an_import_ends() {
    let mut stopped = Daemon::start_dev().terminate();
    const RETIRED: &str = "commit service.reconcile import key";
    const WHATS: &[&str] =
        &["commit service.announce attempt", "commit service.announce uid", UNWRAPPED, IMPORTED, RETIRED];
    for (n, step) in steps(WHATS).enumerate() {
        let key = format!("k{n}");
        stopped = one_end(stopped, Task::Import, &key, &step, |cli, state| {
            let committed = step.what == RETIRED || (step.what == IMPORTED && step.edge == Edge::After);
            assert_eq!(state, committed.then_some("active"), "{step:?}");
            let job = cli.json(&format!("key import-job show job-{key}"));
            assert_eq!(job["state"], if committed { "done" } else { "open" }, "{step:?}");
            let counted = step.what != "commit service.announce attempt" || step.edge == Edge::After;
            assert_eq!(job["attempts"], i32::from(counted), "{step:?}");
            if committed {
                cli.ok(&format!("sign {key} --in message --out sig"));
            }
        });
    }
}

#[test]
fn nothing_is_called_destroyed_that_is_there() {
    let mut stopped = Daemon::start_dev().terminate();
    const WHATS: &[&str] =
        &["commit service.destroy destroying", DELETED, LOOKED, "commit service.destroy destroyed"];
    for (n, step) in steps(WHATS).enumerate() {
        let key = format!("k{n}");
        stopped = one_end(stopped, Task::Destroy, &key, &step, |cli, state| {
            assert_eq!(state, Some("destroyed"), "{step:?}: a restart finishes what was begun");
            cli.refused("WRONG_STATE", &format!("sign {key}@1 --in message --out refused"));
        });
    }
}

#[test]
fn no_orphan_whenever_the_reconciler_ends() {
    let mut stopped = Daemon::start_dev().terminate();
    let generated = Step::new(GENERATED, Edge::After);
    for (n, step) in steps(&[CLAIMED, DELETED, LOOKED, WITHDRAWN]).enumerate() {
        let key = format!("k{n}");
        Orders::new(&stopped, Task::Create, &key, &generated).end_a_process();
        at_rest(&stopped);
        stopped = one_end(stopped, Task::Open, &key, &step, |_, state| assert_eq!(state, None, "{step:?}"));
    }
}

fn steps(whats: &'static [&'static str]) -> impl Iterator<Item = Step> {
    whats.iter().flat_map(|what| EDGES.map(|edge| Step::new(what, edge)))
}

/// Ends a process at the step, looks at what it left, starts the server, and looks at what that made of it: `judge` gets
/// the command and the state of version 1.
fn one_end(
    stopped: Stopped,
    task: Task,
    key: &str,
    step: &Step,
    judge: impl FnOnce(&hufu_softhsm_tests::Cli, Option<&str>),
) -> Stopped {
    Orders::new(&stopped, task, key, step).end_a_process();
    let left = at_rest(&stopped);
    let daemon = stopped.start();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    let state = in_order(&daemon, key);
    println!("{task:?} ended {step:?}: left {left}; after the restart: {state:?}");
    judge(&cli, state.as_deref());
    in_order(&daemon, key);
    let report = cli.json("audit verify");
    assert_eq!(report.get("intact"), Some(&true.into()), "{report}");
    daemon.terminate()
}

/// A state as the command shows it.
fn word(state: v1::KeyState) -> String {
    hufu_sdk::Word::word(state)
}
