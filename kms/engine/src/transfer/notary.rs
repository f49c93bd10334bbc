//! Who signs what the service says of an import job: the log's key, in its token.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::backend::{KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::record::ImportJob;
use hufu_core::{Error, Reason};
use hufu_verify::ImportStatement;
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::fault;

/// The log's key, for statements.
pub(crate) struct Notary {
    pub(crate) signer: Arc<dyn KeyBackend>,
    pub(crate) key: KeyHandle,
}

impl Engine {
    /// The same engine, which signs statements with the log's key. Without it there are no import jobs.
    #[must_use]
    pub fn stating(self, signer: Arc<dyn KeyBackend>, key: KeyHandle) -> Self {
        Self { notary: Some(Notary { signer, key }), ..self }
    }

    /// The signed statement about a job.
    pub(super) async fn state(&self, job: &ImportJob, deadline: Instant) -> Result<String, Error> {
        let Some(notary) = &self.notary else {
            return Err(Error::new(Reason::LedgerUnavailable, "this server has no log key to sign statements with"));
        };
        let statement = self.statement(job);
        let text = statement.text();
        let sign = Operation::Sign(&notary.key, SignInput::Message(text.as_bytes()));
        match notary.signer.perform(sign, deadline).await.map_err(fault::backend)? {
            // A device that signs wrongly must not get its output published: the signature is checked.
            Outcome::Bytes(signature) => {
                statement.signed(self.ledger.verifier_key(), &signature).map_err(Error::internal)
            }
            _ => Err(Error::internal("the token answered out of turn")),
        }
    }

    fn statement(&self, job: &ImportJob) -> ImportStatement {
        let to_be = &job.to_be;
        ImportStatement {
            origin: self.deployment.log_origin.clone(),
            job: job.name().to_string(),
            key: job.key_name().to_string(),
            algorithm: to_be.algorithm.to_string(),
            purpose: to_be.purpose.to_string(),
            scheme: to_be.scheme.to_string(),
            protection: to_be.protection.to_string(),
            exit: to_be.exit.to_string(),
            digest_allowed: to_be.digest_allowed,
            distinguishing_id: to_be.distinguishing_id.clone(),
            activate: to_be.activate,
            public_key: to_be.public_key.as_deref().map(|spki| Sha256::digest(spki).into()),
            import_key: Sha256::digest(&job.import_key).into(),
            wrapping: job.scheme.to_string(),
            simulated: job.simulated,
            expires_at: job.expires_at,
        }
    }
}
