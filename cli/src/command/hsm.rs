use clap::Subcommand;

#[cfg(feature = "assess")]
use super::assess::Assess;
use super::attestation::VerifyAttestation;
use crate::{app::App, failure::Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check what an HSM's vendor signed about a key; needs no service
    ///
    /// Reads YubiKey PIV attestations and Thales Luna public key confirmations. All files are PEM or DER.
    VerifyAttestation(VerifyAttestation),
    /// Assess a PKCS#11 token before it is used; needs no service
    ///
    /// Writes temporary keys to the token and destroys them at the end, uses it heavily, and logs in again after closing all
    /// sessions of this program. Ends with 0 when the token is admitted, also with reservations, and with 3 when it is refused.
    #[cfg(feature = "assess")]
    Assess(Assess),
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::VerifyAttestation(command) => command.run(app),
            #[cfg(feature = "assess")]
            Self::Assess(command) => command.run(app).await,
        }
    }
}
