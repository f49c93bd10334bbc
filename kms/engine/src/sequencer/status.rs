//! What others see of the sequencer.

use hufu_log::SignedCheckpoint;

use super::{LEDGER_HALTED, Sequencer};

/// How the sequencer is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SequencerStatus {
    /// Why it stands until someone has looked, if it does.
    pub halted: Option<String>,
    /// Why the last step did not succeed, while it is trying again.
    pub failing: Option<String>,
    /// Size of the newest checkpoint that it has signed or seen.
    pub size: u64,
}

impl Sequencer {
    pub(super) fn halted(&self) -> Option<String> {
        self.status.borrow().halted.clone()
    }

    pub(super) fn halt(&self, reason: &str) {
        tracing::error!(reason, "the sequencer halts");
        self.parts.alarms.raise(LEDGER_HALTED, "ledger", reason);
        self.status.send_modify(|status| status.halted = Some(reason.to_owned()));
    }

    pub(super) fn tell_signed(&self, signed: &SignedCheckpoint) {
        self.status.send_if_modified(|status| {
            let grown = signed.size > status.size;
            status.size = status.size.max(signed.size);
            grown
        });
    }

    pub(super) fn tell_failing(&self, failing: Option<String>) {
        self.status.send_if_modified(|status| {
            let changed = status.failing != failing;
            status.failing = failing;
            changed
        });
    }
}
