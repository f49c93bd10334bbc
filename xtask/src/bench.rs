//! `cargo xtask bench`: the benches, which are programs of their own (`harness = false`).

use crate::error::Error;
use crate::install::{self, SOFTHSM};
use crate::stages::Ending;
use crate::workspace::Workspace;

/// Runs every bench in a release build.
pub(crate) fn run(workspace: &Workspace, quick: bool) -> Result<(), Error> {
    install::ensure(&[SOFTHSM])?;
    workspace.cargo(["build", "--release", "--workspace", "--bins", "--locked"]).run()?;
    match run_in(workspace, "release", quick)? {
        Ending::Passed => Ok(()),
        Ending::Skipped(why) => {
            println!("skipped: {why}");
            Ok(())
        }
    }
}

/// Runs every bench for a moment in the dev profile: shows that they work, measures nothing.
pub(crate) fn short(workspace: &Workspace) -> Result<Ending, Error> {
    run_in(workspace, "dev", true)
}

fn run_in(workspace: &Workspace, profile: &str, quick: bool) -> Result<Ending, Error> {
    let benches = workspace.benches();
    if benches.is_empty() {
        return Ok(Ending::Skipped("no benches yet".to_owned()));
    }
    let mut cargo = workspace.cargo(["bench", "--workspace", "--locked", "--profile", profile]);
    // Named one by one: libraries have no benches, and their test harness knows no `--quick`.
    for name in &benches {
        cargo = cargo.args(["--bench", name]);
    }
    if quick {
        cargo = cargo.args(["--", "--quick"]);
    }
    cargo.run()?;
    Ok(Ending::Passed)
}
