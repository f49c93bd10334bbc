//! Work of custodians, on files. Only fetching and confirming a share speak with a service.

mod convert;
mod enrol;
mod hand_over;
mod new;
mod roster;
mod share;
mod show;

use clap::Subcommand;

use crate::{app::App, failure::Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a custodian's two keys: in a file under a passphrase, on a PKCS#11 token, or in a TPM
    ///
    /// Without more the private keys go into the file, under a passphrase. With `--module`, they are made on the token and never
    /// leave it; the file says which they are. With `--tpm`, they are made in the TPM, and the file holds them sealed: no other
    /// TPM loads them. Any such file is needed to use the keys: keep a copy of it.
    New(new::New),
    /// Who a custodian is: the entry for the roster, with the fingerprints of both keys
    Show(show::Show),
    /// Get into a roster: show to hold both keys
    #[command(subcommand)]
    Enrol(enrol::Command),
    /// The list of all custodians, and its words
    #[command(subcommand)]
    Roster(roster::Command),
    /// Turn armour into the printable form, or the other way round
    Convert(convert::Convert),
    /// The own share of a secret
    #[command(subcommand)]
    Share(share::Command),
    /// Hand the own share over to whoever asks for it in a file: for a machine without network
    ///
    /// The share is sealed to the key in the request and signed, for this request and no other. The file that is written is for
    /// `hufu unseal submit`. A custodian whose machine reaches the server uses `hufu unseal share`.
    HandOver(hand_over::HandOver),
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        // What was not reached is no reason to stop: laptops seldom let a program lock all of its memory.
        let _ = hufu_custodian_keys::harden();
        match self {
            Self::New(command) => command.run(app),
            Self::Show(command) => command.run(app),
            Self::Enrol(command) => command.run(app),
            Self::Roster(command) => command.run(app),
            Self::Convert(command) => command.run(),
            Self::Share(command) => command.run(app).await,
            Self::HandOver(command) => command.run(app),
        }
    }
}
