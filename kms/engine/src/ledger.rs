//! The ledger for use cases: what its log says, in the engine's words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::record::VersionRecord;
use hufu_core::{Error, Reason};
use hufu_log::{Log, LogError, ProofOf, Proven, SignedCheckpoint};
use hufu_tlog::{TilePath, VerifierKey};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::alarms::{Alarms, QUARANTINE};
use crate::api::{CheckpointView, ConsistencyView};
use crate::sequencer::SequencerStatus;

/// Kind of the alarm that damaged stored data raise.
pub const LEDGER_DAMAGED: &str = "ledger-damaged";

/// Longest wait for a checkpoint that covers an event.
const PROOF_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often to look for a checkpoint that another server may have signed.
const PROOF_POLL: Duration = Duration::from_millis(100);
/// Most feed items looked at to count what is pending.
const PENDING_MAX: u32 = 1_000;

/// The ledger, for reading and proving.
pub struct Ledger {
    log: Arc<Log>,
    sequencer: watch::Receiver<SequencerStatus>,
    alarms: Arc<Alarms>,
}

/// The ledger at a glance.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overview {
    /// Size of the newest signed checkpoint, 0 if there is none.
    pub size: u64,
    /// When its root was fixed.
    pub at: u64,
    /// Leaves that are committed and not in it; exact up to 1,000.
    pub pending: u64,
    /// Why the ledger stands still, if it does.
    pub halted: Option<String>,
}

impl Ledger {
    /// The ledger of a log and the sequencer of this server.
    #[must_use]
    pub fn new(log: Arc<Log>, sequencer: watch::Receiver<SequencerStatus>, alarms: Arc<Alarms>) -> Self {
        Self { log, sequencer, alarms }
    }

    /// Why the sequencer stands until someone has looked, if it does.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        self.sequencer.borrow().halted.clone()
    }

    /// The key that checkpoints verify under.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        self.log.verifier_key()
    }

    /// Size of the newest signed checkpoint, 0 if there is none.
    ///
    /// # Errors
    /// [`Reason::StorageUnavailable`], [`Reason::LedgerUnavailable`].
    pub async fn size(&self) -> Result<u64, Error> {
        let signed = self.log.signed().await.map_err(|error| self.fault(error))?;
        Ok(signed.map_or(0, |signed| signed.size))
    }

    /// Leaves that are committed and not in the newest signed checkpoint; exact up to 1,000.
    ///
    /// # Errors
    /// [`Reason::StorageUnavailable`], [`Reason::LedgerUnavailable`].
    pub async fn pending(&self) -> Result<u64, Error> {
        self.log.pending(PENDING_MAX).await.map_err(|error| self.fault(error))
    }

    /// The ledger at a glance. Damage does not fail it: it is told as the reason of the halt.
    ///
    /// # Errors
    /// [`Reason::StorageUnavailable`].
    pub async fn overview(&self) -> Result<Overview, Error> {
        let halted = self.halted();
        match self.glance().await {
            Ok((signed, pending)) => {
                let (size, at) = signed.map_or((0, 0), |signed| (signed.size, signed.created_at));
                Ok(Overview { size, at, pending, halted })
            }
            Err(error) if error.is_fatal() => {
                let halted = halted.or_else(|| Some(error.to_string()));
                self.fault(error);
                Ok(Overview { halted, ..Overview::default() })
            }
            Err(error) => Err(self.fault(error)),
        }
    }

    /// The newest signed checkpoint.
    ///
    /// # Errors
    /// [`Reason::LedgerUnavailable`] before the first one and after a halt.
    pub async fn checkpoint(&self) -> Result<CheckpointView, Error> {
        self.check_halted()?;
        let signed = self.log.signed().await.map_err(|error| self.fault(error))?;
        let signed = signed.ok_or_else(|| unavailable("the ledger has no checkpoint yet"))?;
        Ok(self.view(&signed))
    }

    /// Proves all events of a key, once the newest one is in a signed checkpoint. Answers with the encoded bundle and the
    /// size of that checkpoint.
    ///
    /// # Errors
    /// [`Reason::LedgerUnavailable`] when that takes longer than ten seconds, or after a halt;
    /// [`Reason::DeadlineExceeded`]; [`Reason::TooLarge`] when the events do not fit into a bundle.
    pub async fn prove(
        &self,
        ledger_id: &[u8; 32],
        spki: Option<&[u8]>,
        deadline: Instant,
    ) -> Result<(Vec<u8>, u64), Error> {
        self.prove_when_signed(&ProofOf { ledger_id, public_key: spki, known: None }, deadline).await
    }

    /// As [`Ledger::prove`], and requires the last event that the version's own record knows: a bundle from which
    /// someone has cut the newest events is not given out.
    ///
    /// # Errors
    /// As [`Ledger::prove`].
    pub async fn prove_version(&self, version: &VersionRecord, deadline: Instant) -> Result<(Vec<u8>, u64), Error> {
        let of = ProofOf {
            ledger_id: &version.ledger_id,
            public_key: version.public_key.as_deref(),
            known: Some((version.last_sequence, version.last_event)),
        };
        self.prove_when_signed(&of, deadline).await
    }

    /// The proof that the log holds one leaf: an encoded bundle of it alone, with a signed checkpoint. Nothing while no such
    /// checkpoint covers it.
    ///
    /// # Errors
    /// [`Reason::LedgerUnavailable`], [`Reason::StorageUnavailable`].
    pub(crate) async fn included(&self, leaf: &str) -> Result<Option<Vec<u8>>, Error> {
        self.check_halted()?;
        match self.log.inclusion(leaf).await {
            Ok(proven) => Ok(Some(proven.bundle)),
            Err(LogError::Pending) => Ok(None),
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Proves that the log only grew since it had `from` leaves.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] when the newest checkpoint is smaller, [`Reason::LedgerUnavailable`].
    pub async fn consistency(&self, from: u64) -> Result<ConsistencyView, Error> {
        self.check_halted()?;
        let extension = self.log.consistency(from).await.map_err(|error| self.fault(error))?;
        let hashes = extension.proof.iter().map(|hash| hash.0).collect();
        Ok(ConsistencyView { from, checkpoint: self.view(&extension.checkpoint), hashes })
    }

    /// A tile or an entry bundle by its path (C2SP tlog-tiles); nothing if the path names none of the newest signed
    /// checkpoint.
    ///
    /// # Errors
    /// [`Reason::StorageUnavailable`], [`Reason::LedgerUnavailable`].
    pub async fn tile(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let Ok(path) = TilePath::parse(path) else { return Ok(None) };
        self.log.tile(path).await.map_err(|error| self.fault(error))
    }

    async fn prove_when_signed(&self, of: &ProofOf<'_>, deadline: Instant) -> Result<(Vec<u8>, u64), Error> {
        let mut sequencer = self.sequencer.clone();
        let patience = Instant::now() + PROOF_WAIT_MAX;
        loop {
            sequencer.borrow_and_update();
            self.check_halted()?;
            match self.log.bundle(of).await {
                Ok(Proven { bundle, checkpoint }) => return Ok((bundle, checkpoint.size)),
                Err(LogError::Pending) => {}
                Err(error) => return Err(self.fault(error)),
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(Error::new(
                    Reason::DeadlineExceeded,
                    "the event was not in a checkpoint by the deadline",
                ));
            }
            if now >= patience {
                return Err(self.fault(LogError::Pending));
            }
            let wait = PROOF_POLL.min(deadline.saturating_duration_since(now));
            // Whether it was woken or has waited makes no difference: it looks again.
            if let Ok(Err(_)) = timeout(wait, sequencer.changed()).await {
                tokio::time::sleep(wait).await;
            }
        }
    }

    async fn glance(&self) -> Result<(Option<Arc<SignedCheckpoint>>, u64), LogError> {
        Ok((self.log.signed().await?, self.log.pending(PENDING_MAX).await?))
    }

    fn check_halted(&self) -> Result<(), Error> {
        // What was signed before a halt is true and may be old: a revocation could be missing from it.
        self.halted().map_or(Ok(()), |reason| Err(unavailable("the ledger has halted").because(reason)))
    }

    fn view(&self, signed: &SignedCheckpoint) -> CheckpointView {
        CheckpointView {
            note: signed.note.clone(),
            origin: self.log.origin().to_owned(),
            size: signed.size,
            root: signed.root.0,
            created_at: signed.created_at,
        }
    }

    /// Looks for silent damage in a part of the log. Each finding raises an alarm and locks the versions whose events may
    /// be concerned. Answers what was found, and where to go on, nothing at the end of the log.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn scrub(&self, from: u64, limit: u64) -> Result<(Vec<String>, Option<u64>), Error> {
        let mut scrubbed = self.log.scrub(from, limit).await.map_err(|error| self.fault(error))?;
        if !scrubbed.findings.is_empty() {
            // Locks are not lifted: damage counts when it is seen twice.
            let again = self.log.scrub(from, limit).await.map_err(|error| self.fault(error))?;
            scrubbed.findings.retain(|damage| again.findings.contains(damage));
        }
        let findings: Vec<String> = scrubbed.findings.iter().map(ToString::to_string).collect();
        for (damage, finding) in scrubbed.findings.iter().zip(&findings) {
            self.alarms.raise(LEDGER_DAMAGED, LEDGER, finding);
            // The missing event may be a revocation. Where it is not known whose it was, it may be anybody's.
            let resource = damage.key().map_or_else(|| LEDGER.to_owned(), ledger_resource);
            self.alarms.raise(QUARANTINE, &resource, finding);
        }
        Ok((findings, scrubbed.next))
    }

    /// What the caller may know of an error; damage is told to the operator.
    fn fault(&self, error: LogError) -> Error {
        if error.is_fatal() {
            self.alarms.raise(LEDGER_DAMAGED, LEDGER, &error.to_string());
        }
        match error {
            LogError::Store(error) => crate::fault::store(error),
            LogError::OutOfRange { asked, size } => {
                let message = format!("the newest checkpoint has {size} leaves, fewer than `{asked}`");
                Error::new(Reason::InvalidArgument, message).field("from")
            }
            LogError::Bundle(error) => {
                Error::new(Reason::TooLarge, "the key has more events than a bundle can hold").because(error)
            }
            LogError::Pending => unavailable("the newest event is not yet in a signed checkpoint").help("try again"),
            LogError::UnknownKey => unavailable("the ledger has no events of this key"),
            error => unavailable("the ledger cannot prove this now").because(error),
        }
    }
}

/// What is locked when the ledger has lost an event of nobody knows which key: all of them.
pub(crate) const LEDGER: &str = "ledger";

/// What is locked when the ledger has lost an event of a key.
pub(crate) fn ledger_resource(key: &str) -> String {
    format!("ledger/{key}")
}

fn unavailable(message: &str) -> Error {
    Error::new(Reason::LedgerUnavailable, message)
}
