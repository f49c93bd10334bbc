//! `cargo xtask test`: everything that must hold before a change is merged.

use std::path::PathBuf;

use crate::error::Error;
use crate::install;
use crate::postgres::Cluster;
use crate::stages::{Ending, Stages};
use crate::tool::{self, Tool};
use crate::workspace::Workspace;
use crate::{bench, conformance, tidy};

/// Features that are off by default: they need libtss2, which a newcomer may not have.
const WITH_TPMS: &str = "hufu-server/tpm,hufu-cli/tpm,hufu-custodian-keys/tpm";

/// Runs all stages, then prints what each took and what was skipped.
///
/// # Errors
///
/// Names the stages that failed.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let mut stages = Stages::default();
    stages.run("install", || install::ensure(&install::needed_by_tests()).map(passed));
    lints(workspace, &mut stages);
    stages.run("build", || workspace.build_binaries().map(passed));
    tests(workspace, &mut stages);
    stages.run("test, with TPMs", || test_with_tpms(workspace));
    stages.run("benches, short", || bench::short(workspace));
    stages.finish()
}

fn lints(workspace: &Workspace, stages: &mut Stages) {
    stages.run("fmt", || workspace.cargo(["fmt", "--check"]).run().map(passed));
    stages.run("clippy", || clippy(workspace).map(passed));
    stages.run("clippy, with TPMs", || clippy_with_tpms(workspace).map(passed));
    stages.run("tidy", || tidy::run(workspace).map(passed));
    stages.run("deny", || deny(workspace));
    stages.run("doc", || doc(workspace).map(passed));
}

fn clippy(workspace: &Workspace) -> Result<(), Error> {
    workspace.cargo(["clippy", "--workspace", "--all-targets", "--locked"]).args(["--", "-D", "warnings"]).run()
}

fn clippy_with_tpms(workspace: &Workspace) -> Result<(), Error> {
    let clippy = workspace.cargo(["clippy", "--workspace", "--all-targets", "--locked", "--features", WITH_TPMS]);
    clippy.args(["--", "-D", "warnings"]).run()
}

/// What only those features have: custodians' keys in a TPM. The adapter itself is tested with all others.
fn test_with_tpms(workspace: &Workspace) -> Result<Ending, Error> {
    if tool::find("swtpm").is_none() {
        return Ok(Ending::Skipped("no custodian's keys in a TPM: swtpm not installed".to_owned()));
    }
    let test = workspace.cargo(["test", "--workspace", "--locked", "--no-fail-fast", "--features", WITH_TPMS]);
    test.args(["--test", "tpm"]).run().map(passed)
}

fn deny(workspace: &Workspace) -> Result<Ending, Error> {
    let version = Tool::cargo().args(["deny", "--version"]).capture()?;
    if version.code != Some(0) {
        return Ok(Ending::Skipped("cargo-deny not installed".to_owned()));
    }
    workspace.cargo(["deny", "--workspace", "check"]).run().map(passed)
}

fn doc(workspace: &Workspace) -> Result<(), Error> {
    workspace.cargo(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings").run()
}

/// The tests, against a scratch PostgreSQL where there is one and the genuine fixtures where they are.
fn tests(workspace: &Workspace, stages: &mut Stages) {
    let fixtures = fixtures(workspace);
    if fixtures.is_none() {
        stages.note("HUFU_FIXTURES not set: no genuine vendor evidence");
    }
    let mut not_run = Vec::new();
    stages.run("test", || {
        let runs = conformance::fresh_directory(workspace)?;
        let cluster = Cluster::start()?;
        println!("PostgreSQL at {}", cluster.url());
        let mut test = workspace
            .cargo(["test", "--workspace", "--locked", "--no-fail-fast"])
            .env(conformance::DIRECTORY, &runs)
            .env("HUFU_TEST_POSTGRES", cluster.url());
        if let Some(fixtures) = &fixtures {
            test = test.env("HUFU_FIXTURES", fixtures);
        }
        let tested = test.run();
        not_run = conformance::compare(workspace, &runs)?;
        tested.map(passed)
    });
    not_run.into_iter().for_each(|missing| stages.note(missing));
}

/// The caller's choice, or the folder beside the repository.
fn fixtures(workspace: &Workspace) -> Option<PathBuf> {
    std::env::var_os("HUFU_FIXTURES")
        .map(PathBuf::from)
        .or_else(|| Some(workspace.root().parent()?.join("shared/fixtures")))
        .filter(|directory| directory.is_dir())
}

fn passed((): ()) -> Ending {
    Ending::Passed
}
