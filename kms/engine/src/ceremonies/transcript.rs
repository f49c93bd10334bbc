//! Transcripts: signed by the log's key, in its token.

use std::time::Instant;

use hufu_ceremony::{Ident, Transcript};
use hufu_core::backend::{Operation, Outcome, SignInput};
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};
use hufu_custodian::VerifyingKey;

use super::held::Held;
use crate::api::Caller;
use crate::engine::Engine;
use crate::fault;

/// Name and version of this software, as transcripts tell it.
pub(crate) const SOFTWARE: &str = concat!("hufud/", env!("CARGO_PKG_VERSION"));

impl Engine {
    /// The transcript of a ceremony so far: `hufu_ceremony::verify` reads it without a server, with the log's public key as
    /// the service's.
    ///
    /// # Errors
    /// [`Reason::CeremonyNotFound`]; [`Reason::LedgerUnavailable`], [`Reason::BackendUnavailable`] when the log's key does
    /// not sign.
    pub async fn ceremony_transcript(&self, caller: &Caller, number: u64) -> Result<Vec<u8>, Error> {
        let result = self.transcript_checked(caller, number).await;
        self.conclude(caller, Action::ReadCeremony, || format!("ceremonies/{number}"), result).await
    }

    async fn transcript_checked(&self, caller: &Caller, number: u64) -> Result<Vec<u8>, Error> {
        self.authorize(caller, Action::ReadCeremony, &caller.principal.record.tenant, None)?;
        let held = self.held_for(caller, number).await?;
        self.close_transcript(&held, caller.deadline).await
    }

    pub(super) async fn close_transcript(&self, held: &Held, deadline: Instant) -> Result<Vec<u8>, Error> {
        let software = || Ident::try_from(SOFTWARE).map_err(Error::internal);
        // The closing is known only inside; a device signs it between the two.
        let closing = match Transcript::close(&held.ceremony, software()?, |closing| Err(closing.to_vec())) {
            Ok(_) => return Err(Error::internal("a transcript closed without a signature")),
            Err(closing) => closing,
        };
        let signature = self.sign_as_service(&closing, deadline).await?;
        let closed = Transcript::close(&held.ceremony, software()?, |_| Ok::<_, Error>(signature))?;
        Ok(closed.to_bytes())
    }

    /// A signature of the log's key, which speaks for the service.
    pub(crate) async fn sign_as_service(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, Error> {
        let Some(notary) = &self.notary else {
            return Err(Error::new(Reason::LedgerUnavailable, "this server has no log key to sign with"));
        };
        let sign = Operation::Sign(&notary.key, SignInput::Message(message));
        let Outcome::Bytes(signature) = notary.signer.perform(sign, deadline).await.map_err(fault::backend)? else {
            return Err(Error::internal("the token answered out of turn"));
        };
        // A device that signs wrongly must not get its output published.
        let key = VerifyingKey::from_spki(&self.deployment.log_public_key).map_err(Error::internal)?;
        if key.verifies(message, &signature) {
            Ok(signature)
        } else {
            Err(Error::internal("the log's key does not verify what its token signed"))
        }
    }
}
