use clap::Subcommand;

use super::attestation::VerifyAttestation;
use crate::{app::App, failure::Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check what an HSM's vendor signed about a key; needs no service
    ///
    /// Reads YubiKey PIV attestations and Thales Luna public key confirmations. All files are PEM or DER.
    VerifyAttestation(VerifyAttestation),
}

impl Command {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::VerifyAttestation(command) => command.run(app),
        }
    }
}
