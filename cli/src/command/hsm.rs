use clap::Subcommand;

#[cfg(feature = "assess")]
use super::assess::Assess;
use super::attestation::VerifyAttestation;
#[cfg(feature = "assess")]
use super::group_key::GroupKey;
use super::hsm_status::Status;
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
    /// The service's tokens: how each is, and which keys are missing on it
    Status(Status),
    /// Put a key on the tokens of a group, by which they copy keys to each other; needs no service
    ///
    /// Work of the security officers. The key is made in this process, from the randomness of this machine and of every token, and
    /// is written to each: run it on a machine that is trusted with it, and with nobody else on it.
    #[cfg(feature = "assess")]
    GroupKey(GroupKey),
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::VerifyAttestation(command) => command.run(app),
            #[cfg(feature = "assess")]
            Self::Assess(command) => command.run(app).await,
            Self::Status(command) => command.run(app).await,
            #[cfg(feature = "assess")]
            Self::GroupKey(command) => command.run(app),
        }
    }
}
