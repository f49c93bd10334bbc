//! Transcripts, judged with the own pins and the log's key alone.

use std::path::Path;

use hufu_ceremony::{Ceremony, CeremonyPolicy, Pins, Report, Seen, verify};
use hufu_sdk::offline::{CeremonyLeaf, VerifierKey, verify_ceremony_receipt, verify_root_receipt};
use hufu_shares::{RootPins, RootReport, RootTranscript};

use super::{files, share::log_key_of};
use crate::{failure::Failure, input};

/// What a tool knows of a deployment from elsewhere.
pub(crate) struct Known {
    log_key: VerifierKey,
    pins: Pins,
}

impl Known {
    /// Reads the pin of the roster, the key of the log, and the policy if there is one.
    pub(crate) fn read(pin: &Path, log_key: &Path, policy: Option<&Path>) -> Result<Self, Failure> {
        let log_key = input::read_log_key(log_key)?;
        let policy = policy.map(files::read_policy).transpose()?;
        let pins = Pins {
            roster: files::read_pin(pin)?.hash(),
            policy: policy.as_ref().map(CeremonyPolicy::hash),
            service: log_key_of(&log_key)?,
            seen: None,
        };
        Ok(Self { log_key, pins })
    }

    /// The same, by whom nothing that was seen before may be missing.
    pub(crate) fn having_seen(mut self, seen: Seen) -> Self {
        self.pins.seen = Some(seen);
        self
    }

    /// The same, by whom nothing of an earlier transcript may be missing.
    pub(crate) fn having_read(self, earlier: Option<&Path>) -> Result<Self, Failure> {
        let Some(earlier) = earlier else { return Ok(self) };
        let seen = self.verify(&files::read_transcript(earlier)?)?.ceremony().seen();
        Ok(self.having_seen(seen))
    }

    /// Goes through a transcript: every signature, every rule, and the ledger's receipt of the request.
    pub(crate) fn verify(&self, transcript: &[u8]) -> Result<Report, Failure> {
        Ok(verify(transcript, &self.pins)?.with_receipt(|receipt, ceremony| self.logged_at(receipt, ceremony))?)
    }

    /// Goes through what was written down of a root: every signature, every rule, and the ledger's receipt, if it is there already: the
    /// record's index in the log.
    pub(crate) fn verify_root(&self, transcript: &[u8]) -> Result<(RootReport, Option<u64>), Failure> {
        let pins = RootPins {
            roster: self.pins.roster,
            log_key: self.pins.service.clone(),
            deployment: self.log_key.name().to_owned(),
        };
        let report = RootTranscript::from_bytes(transcript)?.verify(&pins)?;
        if report.receipt.is_empty() {
            return Ok((report, None));
        }
        let index = verify_root_receipt(&report.receipt, &report.record.digest(), &self.log_key)?;
        Ok((report, Some(index)))
    }

    /// Index of the request in the log. The leaf of the first event has the ceremony's id for its head.
    fn logged_at(&self, receipt: &[u8], ceremony: &Ceremony) -> Option<u64> {
        let id = ceremony.id().0;
        let leaf = CeremonyLeaf { ceremony: id, request: ceremony.digest().0, event: 0, head: id };
        verify_ceremony_receipt(receipt, &leaf, &self.log_key).ok()
    }
}
