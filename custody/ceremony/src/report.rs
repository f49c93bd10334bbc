//! What a transcript tells, once it was verified: in words, and as data.

use hufu_custodian::{Custodian, Name, Signed};
use sha2::{Digest, Sha256};

use crate::ceremony::Ceremony;
use crate::event::What;
use crate::statement::{Decision, ShareStatement};
use crate::text::{Ident, quoted};
use crate::time::show;
use crate::words::Words;
use crate::{Refusal, State, StruckShare, quorum};

/// A verified ceremony.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    ceremony: Ceremony,
    software: Ident,
    /// Index of the request in the log, once its receipt was verified.
    logged_at: Option<u64>,
}

/// Who approved, and for which organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approver {
    /// The name.
    pub name: Name,
    /// The organisation.
    pub organisation: Name,
}

impl Report {
    pub(crate) fn new(ceremony: Ceremony, software: Ident) -> Self {
        Self { ceremony, software, logged_at: None }
    }

    /// Has the ledger's receipt of the request verified by whoever knows the ledger: given the receipt and the ceremony, it answers
    /// with the request's index in the log. A ceremony without a receipt stays as it is.
    ///
    /// # Errors
    /// [`Refusal::ReceiptFalse`] when there is no such index.
    pub fn with_receipt(self, verify: impl FnOnce(&[u8], &Ceremony) -> Option<u64>) -> Result<Self, Refusal> {
        let receipt = self.ceremony.events().iter().find_map(|event| match &event.what {
            What::Logged(receipt) => Some(receipt),
            _ => None,
        });
        let Some(receipt) = receipt else { return Ok(self) };
        let index = verify(receipt, &self.ceremony).ok_or(Refusal::ReceiptFalse)?;
        Ok(Self { logged_at: Some(index), ..self })
    }

    /// The ceremony, replayed.
    #[must_use]
    pub fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// The name and version of the software that went through it, as it says itself.
    #[must_use]
    pub fn software(&self) -> &str {
        self.software.as_str()
    }

    /// Everyone who approved.
    #[must_use]
    pub fn approvers(&self) -> Vec<Approver> {
        let approver = |custodian: &Custodian| Approver {
            name: custodian.name.clone(),
            organisation: custodian.organisation.clone(),
        };
        self.people().map(approver).collect()
    }

    /// What happened, complete, in plain ASCII.
    #[must_use]
    pub fn words(&self) -> String {
        let ceremony = &self.ceremony;
        let mut words = Words::default();
        words.say("TRANSCRIPT OF A CEREMONY");
        words.add("ceremony", ceremony.id());
        words.add("software", self.software.as_str());
        words.add("events", ceremony.events().len());
        words.add("head", ceremony.head());
        words.add("state", ceremony.state());
        words.add("what that means", meaning(ceremony.state()));
        words.add("approvals", quorum::count(self.people(), ceremony.terms()));
        words.say("");
        words.say("WHAT HAPPENED, by the service's clock");
        for event in ceremony.events() {
            words.say(format_args!("{}  {}", show(event.at.wall_ms), self.told(&event.what)));
        }
        words.say("");
        words.say(ceremony.request().words().trim_end());
        words.end()
    }

    fn people(&self) -> impl Iterator<Item = &Custodian> {
        let roster = self.ceremony.grounds().roster();
        self.ceremony.approvals().iter().filter_map(|approval| roster.find(&approval.who).ok())
    }

    fn told(&self, what: &What) -> String {
        match what {
            What::Proposed(signed) => format!("proposed by {}", self.who(signed)),
            What::Logged(receipt) => self.told_logged(receipt),
            What::Approved(signed) => format!("approved by {}{}", self.who(signed), decision(signed)),
            What::Vetoed(signed) => format!("vetoed by {}{}", self.who(signed), decision(signed)),
            What::Cancelled(signed) => format!("cancelled by {}{}", self.who(signed), decision(signed)),
            What::DelayPassed => "delay over, by both clocks".to_owned(),
            What::ShareSubmitted(signed) => format!("share brought by {}{}", self.who(signed), share(signed)),
            What::Began => "begun".to_owned(),
            What::StepDone(label, note) => format!("step {label} done, note {}", digest(note)),
            What::Executed(outcome, receipts) => {
                let receipts: Vec<String> = receipts.iter().map(|receipt| digest(receipt)).collect();
                format!("done: {outcome}, receipts [{}]", receipts.join(", "))
            }
            What::Failed(why) => format!("failed: {why}"),
            What::Expired => "expired".to_owned(),
            What::SharesStruck(struck) => struck_out(struck),
        }
    }

    fn told_logged(&self, receipt: &[u8]) -> String {
        match self.logged_at {
            Some(index) => format!("request logged in the ledger: it is leaf {index}, proven"),
            None => format!(
                "request logged in the ledger, as the service says (receipt not checked here): {}",
                digest(receipt)
            ),
        }
    }

    /// Who signed, on one line.
    fn who(&self, signed: &Signed) -> String {
        self.ceremony.grounds().roster().find(&signed.signer).map_or_else(
            |_| signed.signer.to_string(),
            |one| format!("{} ({}) of {}", one.name, quoted(&one.full_name), one.organisation),
        )
    }
}

fn meaning(state: State) -> &'static str {
    match state {
        State::Proposed => "the ledger did not have the request yet",
        State::Collecting => "too few had approved",
        State::Delayed => "enough had approved; the time for a veto went on",
        State::Ready => "enough had approved, and nobody vetoed in time; it had not begun",
        State::Executing => "it had begun, and not ended",
        State::Executed => "it was approved by enough, and done",
        State::Rejected => "it was vetoed, and never begun",
        State::Cancelled => "it was taken back, and never begun",
        State::Expired => "its time passed, and it was never begun",
        State::Failed => "it was approved by enough, begun, and could not be done",
    }
}

fn decision(signed: &Signed) -> String {
    let Ok(decision) = Decision::from_bytes(&signed.statement) else { return String::new() };
    let reason = decision.reason.map_or_else(String::new, |reason| format!(", because {reason}"));
    format!(" at {} by their own clock{reason}", show(decision.decided_at_ms))
}

fn share(signed: &Signed) -> String {
    let Ok(share) = ShareStatement::from_bytes(&signed.statement) else { return String::new() };
    format!(", index {}, {}", share.index, share.digest)
}

/// Who brought something wrong, on one line.
fn struck_out(struck: &[StruckShare]) -> String {
    let told = |one: &StruckShare| format!("{}, index {}, {}: {}", one.who, one.index, one.digest, one.why);
    let all: Vec<String> = struck.iter().map(told).collect();
    format!("shares struck out, as the service says: {}", all.join("; "))
}

/// SHA-256 of what an event carries.
fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
