//! Developer commands: `cargo xtask test | tidy | quickstart | conformance | bench`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer tool speaks to its user on the terminal")]

mod bench;
mod conformance;
mod error;
mod install;
mod postgres;
mod quickstart;
mod stages;
mod test_all;
mod tidy;
mod tool;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::error::Error;
use crate::workspace::Workspace;

/// The commands; their help is what `cargo xtask --help` prints.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Developer commands of Hufu")]
enum Command {
    /// Install what is missing, then run lints, every test and a short run of each bench
    Test,
    /// Check what the compiler does not: dependency direction, file length, links, documented lists
    Tidy,
    /// Start a development server and walk two keys through their whole life
    Quickstart {
        /// Leave the server running and print the commands to talk to it
        #[arg(long, conflicts_with = "ceremony")]
        keep: bool,
        /// In place of that: a root that five people hold, a rotation and a recovery that some of them allow, and transcripts
        #[arg(long)]
        ceremony: bool,
    },
    /// Run the suite of the key stores over every implementation that is there, and write the table in the documentation
    Conformance,
    /// Run the benches in a release build
    Bench {
        /// A short run that only shows that the benches work
        #[arg(long)]
        quick: bool,
    },
}

fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Error> {
    let workspace = Workspace::load()?;
    match command {
        Command::Test => test_all::run(&workspace),
        Command::Tidy => tidy::run(&workspace),
        Command::Quickstart { ceremony: true, .. } => quickstart::ceremony(&workspace),
        Command::Quickstart { keep, .. } => quickstart::run(&workspace, *keep),
        Command::Conformance => conformance::run(&workspace),
        Command::Bench { quick } => bench::run(&workspace, *quick),
    }
}
