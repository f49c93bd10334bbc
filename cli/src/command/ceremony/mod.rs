//! Ceremonies, on files: what people read, sign and verify with their own tool.

mod case;
mod decide;
mod policy;
mod sign;
mod verify;
mod words;

pub(crate) use case::Case;
use clap::Subcommand;

use crate::{app::App, failure::Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A request in words, with its digest: what approvers read and compare
    Words(words::Words),
    /// A policy in words, with its hash: what requests are bound to
    Policy(policy::Policy),
    /// Sign a request, as its proposer
    Sign(sign::Sign),
    /// Approve a request
    ///
    /// Everything is checked and shown before you are asked: the request in words, its digest, and what your approval counts
    /// for. Give the transcript of the ceremony so far (`--transcript`), and the tool goes through everything that has
    /// happened; or the request that the proposer signed and the ceremony's id (`--request`, `--ceremony`).
    Approve(decide::Approve),
    /// Veto a ceremony, until its execution begins
    Veto(decide::Veto),
    /// Verify a transcript; needs no service. Ends with 1 when it does not verify
    Verify(verify::Verify),
}

impl Command {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        // What was not reached is no reason to stop: laptops seldom let a program lock all of its memory.
        let _ = hufu_custodian_keys::harden();
        match self {
            Self::Words(command) => command.run(app),
            Self::Policy(command) => command.run(app),
            Self::Sign(command) => command.run(app),
            Self::Approve(command) => command.run(app),
            Self::Veto(command) => command.run(app),
            Self::Verify(command) => command.run(app),
        }
    }
}
