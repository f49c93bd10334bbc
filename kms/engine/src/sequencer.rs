//! The sequencer: gives committed leaves their indices, signs checkpoints, and keeps the newest one outside the database.
//!
//! Of all servers on a database, the one that holds the lease sequences. Safety does not rest on the lease: the guards of
//! [`hufu_log`] let one root of each size be written, whoever writes it. The order of a checkpoint is: root fixed (commit),
//! signed, kept outside, published (commit). Whatever was published is therefore known outside, and a database that
//! was set back is noticed before anything is signed on top of it.

mod audit_head;
mod error;
mod lease;
mod outside;
mod runner;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::ambient::Clock;
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::changeset::Changeset;
use hufu_core::store::Store;
use hufu_journal::Journal;
use hufu_log::{Fence, Log, LogError, LogState, Unsigned};
use hufu_tlog::Checkpoint;
use hufu_verify::verify_note;
use tokio::sync::{Mutex, watch};

use crate::alarms::Alarms;
use audit_head::Anchored;

pub use error::SequencerError;
pub use outside::{OutsideCheckpoint, OutsideError};
pub use status::SequencerStatus;

/// Kind of the alarm that a halt raises.
pub const LEDGER_HALTED: &str = "ledger-halted";

/// What the sequencer works with.
pub struct Parts {
    /// Where leases and leaves are read.
    pub store: Arc<dyn Store>,
    /// Where everything is committed.
    pub journal: Journal,
    /// The log.
    pub log: Arc<Log>,
    /// The backend that holds the log key.
    pub signer: Arc<dyn KeyBackend>,
    /// The log key: Ed25519.
    pub log_key: KeyHandle,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The audit writer of this start: it holds the lease, and its chain is recorded on the log.
    pub holder: String,
    /// Where the newest checkpoint is kept outside the database.
    pub outside: Arc<dyn OutsideCheckpoint>,
    /// Where a halt is told.
    pub alarms: Arc<Alarms>,
}

/// Times and sizes of the sequencer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SequencerConfig {
    /// Most feed items in one checkpoint, at most [`hufu_log::BATCH_LEN_MAX`].
    pub batch_max: u32,
    /// Shortest time between two checkpoints, in milliseconds.
    pub checkpoint_ms_min: u64,
    /// How often an idle sequencer looks for leaves of other servers, in milliseconds.
    pub poll_ms: u64,
    /// How long a lease lasts without renewal, in milliseconds.
    pub lease_ms: u64,
    /// How often the head of the audit chain is recorded on the log, in milliseconds.
    pub audit_head_ms: u64,
    /// Longest time for a signature, in milliseconds.
    pub sign_ms_max: u64,
}

impl Default for SequencerConfig {
    fn default() -> Self {
        Self {
            batch_max: 256,
            checkpoint_ms_min: 20,
            poll_ms: 1_000,
            lease_ms: 10_000,
            audit_head_ms: 600_000,
            sign_ms_max: 5_000,
        }
    }
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Leaves that got an index.
    pub sequenced: u64,
    /// Whether another step may find more to do.
    pub more: bool,
}

/// The sequencer of one server.
pub struct Sequencer {
    parts: Parts,
    config: SequencerConfig,
    inner: Mutex<Inner>,
    status: watch::Sender<SequencerStatus>,
}

/// What it remembers between steps.
#[derive(Default)]
struct Inner {
    started: bool,
    /// The state after its last commit; dropped whenever anything did not succeed.
    state: Option<LogState>,
    /// The checkpoint kept outside the database.
    outside: Option<Checkpoint>,
    anchored: Anchored,
}

impl Sequencer {
    /// A sequencer that has not started.
    #[must_use]
    pub fn new(parts: Parts, config: SequencerConfig) -> Self {
        let (status, _) = watch::channel(SequencerStatus::default());
        Self { parts, config, inner: Mutex::default(), status }
    }

    /// How it is; changes can be awaited.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<SequencerStatus> {
        self.status.subscribe()
    }

    /// Compares the log with the checkpoint kept outside the database, and finishes what a sequencer before left
    /// unsigned. Without such a checkpoint there is nothing to compare with: that is so at the first start only.
    ///
    /// # Errors
    /// Fatal ones halt the sequencer: see [`SequencerError::is_fatal`].
    pub async fn start(&self) -> Result<(), SequencerError> {
        let mut inner = self.inner.lock().await;
        let result = self.begin(&mut inner).await;
        self.conclude(&mut inner, result)
    }

    /// Sequences one batch: lease, root, signature, note. Does nothing while another server holds the lease.
    ///
    /// # Errors
    /// [`SequencerError::Halted`] after a fatal error; others may be tried again.
    pub async fn step(&self) -> Result<Progress, SequencerError> {
        let mut inner = self.inner.lock().await;
        if let Some(reason) = self.halted() {
            return Err(SequencerError::Halted(reason));
        }
        if !inner.started {
            let begun = self.begin(&mut inner).await;
            self.conclude(&mut inner, begun)?;
        }
        match self.advance(&mut inner).await {
            // Another server was faster: look again.
            Err(error) if error.is_contention() => {
                inner.state = None;
                Ok(Progress { sequenced: 0, more: true })
            }
            result => self.conclude(&mut inner, result),
        }
    }

    async fn begin(&self, inner: &mut Inner) -> Result<(), SequencerError> {
        inner.outside = self.kept_outside().await?;
        let state = self.load(inner).await?;
        // What another server publishes meanwhile it has kept outside before: so outside is looked at last.
        let published = state.size() > 0 && !self.waits_for_its_first_signature(&state).await?;
        if inner.outside.is_none() && published {
            inner.outside = self.kept_outside().await?;
        }
        if inner.outside.is_none() && published {
            let words = "no checkpoint was kept outside the database: whether it is an older copy cannot be told";
            self.parts.alarms.raise("outside-missing", "ledger", words);
        }
        if let Some(fence) = self.claim().await? {
            match self.publish_unsigned(inner, &state, fence).await {
                // Another server has signed it, or gone on.
                Err(error) if error.is_contention() => {}
                result => drop(result?),
            }
        }
        self.follow(inner).await?;
        inner.started = true;
        Ok(())
    }

    /// Whether there is a root and no signature was ever published: nothing was kept outside yet, and nothing is missing.
    async fn waits_for_its_first_signature(&self, state: &LogState) -> Result<bool, SequencerError> {
        if self.parts.log.signed().await?.is_some() {
            return Ok(false);
        }
        match self.parts.log.unsigned(state).await {
            // Another server has signed it, or gone on: what it kept is there now.
            Err(LogError::Stale) => Ok(false),
            found => Ok(found?.is_some()),
        }
    }

    async fn kept_outside(&self) -> Result<Option<Checkpoint>, SequencerError> {
        let note = self.parts.outside.load().await?;
        let key = self.parts.log.verifier_key();
        note.map(|note| verify_note(note.as_bytes(), key)).transpose().map_err(SequencerError::OutsideNote)
    }

    async fn advance(&self, inner: &mut Inner) -> Result<Progress, SequencerError> {
        let Some(fence) = self.claim().await? else {
            inner.state = None;
            self.follow(inner).await?;
            return Ok(Progress::default());
        };
        let mut state = match inner.state.take() {
            Some(state) => state,
            None => self.load(inner).await?,
        };
        let fence = self.publish_unsigned(inner, &state, fence).await?;
        let now = self.parts.clock.now_ms();
        let Some(plan) = self.parts.log.plan(&mut state, &fence, now, self.config.batch_max).await? else {
            inner.state = Some(state);
            return Ok(Progress::default());
        };
        self.commit(inner, plan.changeset).await?;
        let fence = self.renew(&fence);
        self.publish_unsigned(inner, &plan.next, fence).await?;
        inner.state = Some(plan.next);
        Ok(Progress { sequenced: plan.sequenced, more: plan.more })
    }

    /// Reads the state, and refuses one that is behind what this server knows to be signed.
    async fn load(&self, inner: &Inner) -> Result<LogState, SequencerError> {
        let state = self.parts.log.state().await?;
        if let Some(outside) = &inner.outside {
            self.parts.log.check_outside(&state, outside).await?;
        }
        Ok(state)
    }

    /// Signs and publishes the checkpoint that waits for it, if one does. Answers with the fence of the next commit.
    async fn publish_unsigned(
        &self,
        inner: &mut Inner,
        state: &LogState,
        fence: Fence,
    ) -> Result<Fence, SequencerError> {
        let Some(unsigned) = self.parts.log.unsigned(state).await? else { return Ok(fence) };
        let signature = self.sign(&unsigned).await?;
        let sealed = self.parts.log.seal(&unsigned, &signature, &fence, self.parts.clock.now_ms())?;
        // Outside first: nothing is published that a database set back could make forgotten.
        self.parts.outside.store(&sealed.signed.note).await?;
        inner.outside = Some(sealed.signed.to_checkpoint(self.parts.log.origin()));
        self.commit(inner, sealed.changeset).await?;
        self.tell_signed(&sealed.signed);
        Ok(self.renew(&fence))
    }

    async fn sign(&self, unsigned: &Unsigned) -> Result<Vec<u8>, SequencerError> {
        let input = SignInput::Message(unsigned.text().as_bytes());
        let deadline = Instant::now() + Duration::from_millis(self.config.sign_ms_max);
        match self.parts.signer.perform(Operation::Sign(&self.parts.log_key, input), deadline).await? {
            Outcome::Bytes(signature) => Ok(signature),
            other => Err(BackendError::Failed(format!("signing was answered with {other:?}")).into()),
        }
    }

    /// Keeps the newest signed checkpoint outside, whoever signed it.
    async fn follow(&self, inner: &mut Inner) -> Result<(), SequencerError> {
        let Some(signed) = self.parts.log.signed().await? else { return Ok(()) };
        if let Some(outside) = &inner.outside {
            if signed.size <= outside.size {
                return Ok(());
            }
            self.parts.log.check_signed_extends(outside).await?;
        }
        self.parts.outside.store(&signed.note).await?;
        inner.outside = Some(signed.to_checkpoint(self.parts.log.origin()));
        self.tell_signed(&signed);
        Ok(())
    }

    async fn commit(&self, inner: &mut Inner, changeset: Changeset) -> Result<(), SequencerError> {
        let records = changeset.audit.len();
        self.parts.journal.reserve()?.commit(changeset).await?;
        inner.anchored.own(records);
        Ok(())
    }

    /// Drops what is remembered after a failure, and halts after a fatal one.
    fn conclude<T>(&self, inner: &mut Inner, result: Result<T, SequencerError>) -> Result<T, SequencerError> {
        if let Err(error) = &result {
            inner.state = None;
            if error.is_fatal() {
                self.halt(&error.to_string());
            }
        }
        result
    }
}
