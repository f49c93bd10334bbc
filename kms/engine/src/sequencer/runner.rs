//! The loop around the steps: when to look, how long to wait, what to do at the end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::{Progress, Sequencer, SequencerError};

/// First and longest pause after a failure.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Most steps at the end: what is left then waits for the next start.
const LAST_STEPS_MAX: u32 = 64;

impl Sequencer {
    /// Sequences until `shutdown` is true or its sender is gone, then records the audit head and what has come in meanwhile.
    ///
    /// Woken by the journal's progress; failures of database, token or checkpoint file are tried again with a growing
    /// pause. After a fatal error it stands and waits for the end.
    pub async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        let mut progress = self.parts.journal.progress();
        let mut pause = RETRY_PAUSE_MIN;
        let mut head_at = self.next_head();
        let end = shutdown.wait_for(|ended| *ended);
        tokio::pin!(end);
        loop {
            progress.borrow_and_update();
            let stepped = self.step().await;
            self.tell_failing(stepped.as_ref().err().filter(|error| !error.is_fatal()).map(ToString::to_string));
            if self.parts.clock.uptime() >= head_at && stepped.is_ok() {
                self.record_head().await;
                head_at = self.next_head();
            }
            let (wait, awake) = self.wait(&stepped, &mut pause);
            tokio::select! {
                _ = &mut end => break,
                () = sleep(wait) => {}
                Ok(()) = progress.changed(), if awake => {}
            }
        }
        self.finish().await;
    }

    /// How long to wait, and whether the journal's progress ends the wait.
    fn wait(&self, stepped: &Result<Progress, SequencerError>, pause: &mut Duration) -> (Duration, bool) {
        let idle = Duration::from_millis(self.config.poll_ms);
        match stepped {
            Ok(Progress { sequenced: 0, more: false }) => {
                *pause = RETRY_PAUSE_MIN;
                (idle, true)
            }
            Ok(_) => {
                *pause = RETRY_PAUSE_MIN;
                (Duration::from_millis(self.config.checkpoint_ms_min), false)
            }
            Err(error) if error.is_fatal() => (RETRY_PAUSE_MAX, false),
            Err(error) => {
                tracing::warn!(%error, "the sequencer tries again");
                let wait = *pause;
                *pause = (*pause * 2).min(RETRY_PAUSE_MAX);
                (wait, false)
            }
        }
    }

    fn next_head(&self) -> Duration {
        self.parts.clock.uptime().saturating_add(Duration::from_millis(self.config.audit_head_ms))
    }

    async fn record_head(&self) {
        if let Err(error) = self.audit_head().await {
            tracing::warn!(%error, "the audit head was not recorded");
        }
    }

    async fn finish(&self) {
        if self.halted().is_some() {
            return;
        }
        self.record_head().await;
        for _ in 0..LAST_STEPS_MAX {
            match self.step().await {
                Ok(Progress { sequenced: 0, more: false }) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the last leaves wait for the next start");
                    return;
                }
            }
        }
        if self.parts.store.is_shared()
            && let Err(error) = self.release().await
        {
            tracing::warn!(%error, "the sequencer's lease was not released");
        }
    }
}
