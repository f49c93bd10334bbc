//! The ledger for callers: checkpoints, the log's key, proofs, and what anyone may read without being known.

use hufu_core::policy::Action;
use hufu_core::{Error, Reason};

use crate::api::{Caller, CheckpointView, ConsistencyView, LogKeyView, Proof, Selector};
use crate::engine::Engine;

impl Engine {
    /// The newest checkpoint.
    ///
    /// # Errors
    /// [`Reason::LedgerUnavailable`] while there is none.
    pub async fn checkpoint(&self, caller: &Caller) -> Result<CheckpointView, Error> {
        let result = match self.may_read_ledger(caller) {
            Ok(()) => self.ledger.checkpoint().await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadLedger, || "ledger".to_owned(), result).await
    }

    /// The log's public key. Get it once, over a way you trust, and keep it.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub async fn log_key(&self, caller: &Caller) -> Result<LogKeyView, Error> {
        let result = self.may_read_ledger(caller).map(|()| LogKeyView {
            verifier_key: self.ledger.verifier_key().to_string(),
            origin: self.deployment.log_origin.clone(),
            simulated: self.deployment.development,
        });
        self.conclude(caller, Action::ReadLedger, || "ledger".to_owned(), result).await
    }

    /// A bundle that proves all events of a version (the newest one, if none is named), once its last event is in a
    /// checkpoint.
    ///
    /// # Errors
    /// [`Reason::LedgerUnavailable`] when that takes too long or the ledger stands; [`Reason::VersionNotFound`].
    pub async fn prove(&self, caller: &Caller, selector: &Selector) -> Result<Proof, Error> {
        let result = self.prove_checked(caller, selector).await;
        self.conclude(caller, Action::ReadLedger, || selector.key.to_string(), result).await
    }

    /// A proof that the log only grew since a size.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] when the log was never so large.
    pub async fn prove_consistency(&self, caller: &Caller, from: u64) -> Result<ConsistencyView, Error> {
        let result = match self.may_read_ledger(caller) {
            Ok(()) => self.ledger.consistency(from).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadLedger, || "ledger".to_owned(), result).await
    }

    /// The newest checkpoint, for anyone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn public_checkpoint(&self) -> Result<Option<String>, Error> {
        match self.ledger.checkpoint().await {
            Ok(checkpoint) => Ok(Some(checkpoint.note)),
            Err(error) if error.reason() == Reason::LedgerUnavailable => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A tile of the log (C2SP tlog-tiles), for anyone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn public_tile(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        self.ledger.tile(path).await
    }

    /// Looks for silent damage in a part of the ledger. Answers where to go on, nothing at its end.
    ///
    /// # Errors
    /// Those of the database. Damage raises an alarm.
    pub async fn scrub_ledger(&self, from: u64, limit: u64) -> Result<Option<u64>, Error> {
        self.ledger.scrub(from, limit).await.map(|(_, next)| next)
    }

    async fn prove_checked(&self, caller: &Caller, selector: &Selector) -> Result<Proof, Error> {
        let key = &selector.key;
        self.authorize(caller, Action::ReadLedger, &key.tenant, Some(key))?;
        let entry = match selector.number {
            Some(_) => self.select(selector).await?,
            None => {
                let number = self.directory.key(key).await?.key.record.latest;
                self.directory.version(&key.version(number)).await?
            }
        };
        let (bundle, size) = self.ledger.prove_version(&entry.version.record, caller.deadline).await?;
        Ok(Proof { bundle, version: entry.version.clone(), size })
    }

    fn may_read_ledger(&self, caller: &Caller) -> Result<(), Error> {
        self.authorize(caller, Action::ReadLedger, &caller.principal.record.tenant, None).map(drop)
    }
}
