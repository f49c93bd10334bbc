//! Ceremonies: what people read, sign and verify with their own tool, on files; and what is carried to a service.

mod case;
mod decide;
mod online;
mod policy;
mod share;
mod sign;
mod target;
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
    /// Bring a signed request to the service: the ceremony begins
    Propose(online::Propose),
    /// List the ceremonies of the service
    List(online::List),
    /// Show where a ceremony stands
    Show(online::Show),
    /// Bring an approval or a veto to the service; whoever carries it does not matter
    Submit(online::Submit),
    /// Have a key made that the shares for a recovery or a drill are sealed to
    ///
    /// Prints what the request names of key, shares and target, in TOML: put it below the head of a request. The key is destroyed with
    /// its ceremony, or after a day. With `--drill` it is for a drill: the real shares come together, the key is compared with its
    /// public key, and thrown away.
    Target(target::Target),
    /// Give your share to a recovery or a drill that is ready, sealed to its target
    ///
    /// Your own tool checks everything first: the transcript with your pins, the quorum, the delay by your own clock, and the target's
    /// evidence. With `--transcript`, `--evidence` and `--out` it needs no service: `submit` brings the file later, on any machine.
    SubmitShare(share::SubmitShare),
    /// Have the service do what was approved
    ///
    /// A drill (`[act.drill]` in the request) rehearses a recovery: the real shares come together, the key is compared with its public
    /// key and thrown away.
    Execute(online::Execute),
    /// Fetch the transcript, of a ceremony that goes on too
    Transcript(online::Transcript),
    /// Verify a transcript; needs no service. Ends with 1 when it does not verify
    Verify(verify::Verify),
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        // What was not reached is no reason to stop: laptops seldom let a program lock all of its memory.
        let _ = hufu_custodian_keys::harden();
        match self {
            Self::Words(command) => command.run(app),
            Self::Policy(command) => command.run(app),
            Self::Sign(command) => command.run(app),
            Self::Approve(command) => command.run(app),
            Self::Veto(command) => command.run(app),
            Self::Verify(command) => command.run(app),
            Self::Propose(command) => command.run(app).await,
            Self::List(command) => command.run(app).await,
            Self::Show(command) => command.run(app).await,
            Self::Submit(command) => command.run(app).await,
            Self::Target(command) => command.run(app).await,
            Self::SubmitShare(command) => command.run(app).await,
            Self::Execute(command) => command.run(app).await,
            Self::Transcript(command) => command.run(app).await,
        }
    }
}
