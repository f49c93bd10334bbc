//! From the beginning to the outcome. Each step is committed before the next; what a step does is done once, whatever happens
//! between doing it and writing down that it is done.

use hufu_ceremony::{Act, Awaited, Ident, RootKey, State, Text, What};
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};

use hufu_journal::JournalError;

use super::held::Held;
use super::refusal::malformed;
use crate::api::{Caller, CeremonyView};
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;

/// Longest reason of a failure that is written down, in characters.
const WHY_LEN_MAX: usize = 400;

/// Longest note of a step that an event takes, in bytes.
const NOTE_LEN_MAX: usize = 4 << 10;

/// How long after its request's time a ceremony that has begun is still tried, in milliseconds: an hour.
const GRACE_MS: u64 = 3_600_000;

/// What came of doing what was approved.
pub(super) enum Done {
    /// It is done: what came of it, and receipts of the ledger.
    All(Held, String, Vec<Vec<u8>>),
    /// It goes on by itself; look again later.
    Later(Held),
}

impl Engine {
    /// Has a ceremony begin, and does what was approved. It ends in the background when it takes longer than the call.
    ///
    /// # Errors
    /// [`Reason::CeremonyRefused`] names the rule: `CEREMONY_WRONG_STATE`, `CEREMONY_DELAY_GOES_ON`,
    /// `CEREMONY_QUORUM_LAPSED`, `CEREMONY_TOO_EARLY`.
    pub async fn execute_ceremony(&self, caller: &Caller, number: u64) -> Result<CeremonyView, Error> {
        let result = self.execute_checked(caller, number).await;
        self.conclude(caller, Action::ExecuteCeremony, || format!("ceremonies/{number}"), result).await
    }

    async fn execute_checked(&self, caller: &Caller, number: u64) -> Result<CeremonyView, Error> {
        let permit = self.authorize(caller, Action::ExecuteCeremony, &caller.principal.record.tenant, None)?;
        let mut held = self.held_for(caller, number).await?;
        if self.replayed(caller).await?.is_some() {
            return self.ceremony_view(&held).await;
        }
        let now = self.ceremony_time(held.last_at())?;
        if held.ceremony.awaited(now) == Awaited::Delay(0) {
            held = self.by_itself(&held, What::DelayPassed).await?;
        }
        let entry = self.entry(caller, Action::ExecuteCeremony, held.resource(), &permit);
        let begun = self.go_forward(&held, What::Began, entry, |staging| {
            staging.remember(self.to_remember(caller, &format!("ceremonies/{number}")));
            Ok(())
        });
        let held = begun.await?.map_err(fault::journal)?;
        // It has begun: what is not done now is done in the background, and the caller is told how far it is.
        let held = match self.go_on(held).await {
            Ok(held) => held,
            Err(error) => {
                tracing::warn!(?error, number, "the ceremony goes on later");
                self.held(number).await?
            }
        };
        self.ceremony_view(&held).await
    }

    /// Goes on with a ceremony that has begun. What failed is tried again in the background, after a while.
    pub(super) async fn go_on(&self, held: Held) -> Result<Held, Error> {
        let ceremonies = self.ceremonies()?;
        let _one = ceremonies.executing.lock().await;
        let number = held.record.number;
        let done = self.go_on_alone(number).await;
        ceremonies.attempts.note(number, self.clock.uptime(), done.is_err());
        done
    }

    async fn go_on_alone(&self, number: u64) -> Result<Held, Error> {
        let mut held = self.held(number).await?;
        while held.ceremony.state() == State::Executing {
            if held.ceremony.awaits_shares() {
                return self.wait_for_shares(held).await;
            }
            let error = match self.perform_act(held.clone()).await {
                Ok(Done::All(held, outcome, receipts)) => return self.executed(&held, &outcome, receipts).await,
                Ok(Done::Later(held)) => return Ok(held),
                Err(error) if is_final(&error) || self.is_given_up(&held)? => error,
                Err(error) => return Err(error),
            };
            // Steps were written down meanwhile, here or by another server, whose work this one may have met: it counts only
            // what cannot be done from there.
            let now = self.held(held.record.number).await?;
            if now.revision == held.revision {
                return self.failed(&now, &error).await;
            }
            held = now;
        }
        Ok(held)
    }

    /// Whether what fails is not tried again: the request's time has long been over, and nothing was done yet, or only what is whole by
    /// itself. What was begun otherwise is brought to its end, however long that takes: a key that was put together is rotated.
    fn is_given_up(&self, held: &Held) -> Result<bool, Error> {
        let untouched = held.ceremony.steps().next().is_none();
        let whole = untouched || matches!(held.ceremony.request().act, Act::RotateLabel(_));
        let until = held.ceremony.request().expires_at_ms.saturating_add(GRACE_MS);
        Ok(whole && self.ceremony_time(held.last_at())?.wall_ms >= until)
    }

    pub(super) async fn failed(&self, held: &Held, error: &Error) -> Result<Held, Error> {
        let why = format!("{}: {}", error.reason().name(), error.message());
        let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WHY_LEN_MAX).collect();
        self.by_itself(held, What::Failed(text(&why)?)).await
    }

    async fn perform_act(&self, held: Held) -> Result<Done, Error> {
        let ceremony = held.ceremony.clone();
        match &ceremony.request().act {
            Act::RotateKey(act) => self.do_rotate_key(held, act).await,
            Act::RotateTenantKey(act) => self.do_rotate_tenant_key(held, act).await,
            Act::RotateLabel(act) => self.do_rotate_label(held, act).await,
            Act::Destruction(act) => self.do_destroy(held, act).await,
            Act::Import(act) => self.do_import(held, act).await,
            Act::Refresh(act) => self.do_share_anew(held, act.into()).await,
            Act::Reshare(act) => self.do_share_anew(held, act.into()).await,
            Act::RotateRoot(RootKey { shares: Some(sharing), confirmations, .. }) => {
                self.do_replace_master(held, sharing, *confirmations).await
            }
            Act::RotateRoot(act) => self.do_rotate_root(held, act).await,
            Act::Recovery(act) => self.do_recover(held, act).await,
            Act::Drill(act) => self.do_drill(held, act).await,
            Act::PolicyChange(act) => self.do_change_policy(held, act.next).await,
            Act::RosterChange(act) => self.do_change_roster(held, act.next).await,
        }
    }

    async fn executed(&self, held: &Held, outcome: &str, receipts: Vec<Vec<u8>>) -> Result<Held, Error> {
        let receipts = receipts.into_iter().map(Into::into).collect();
        self.by_itself(held, What::Executed(Text::made_fit(outcome), receipts)).await
    }

    /// Writes down that a step is done.
    pub(super) async fn step_done(&self, held: &Held, step: &str, note: &str) -> Result<Held, Error> {
        self.step_done_with(held, step, note, |_| Ok(())).await
    }

    /// The same, with what the step is, in one commit.
    pub(super) async fn step_done_with(
        &self,
        held: &Held,
        step: &str,
        note: &str,
        more: impl FnOnce(&mut Staging<'_>) -> Result<(), Error>,
    ) -> Result<Held, Error> {
        self.step_with(held, step, note, more).await?.map_err(fault::journal)
    }

    /// The same, for who has to know what became of the commit.
    pub(super) async fn step_with(
        &self,
        held: &Held,
        step: &str,
        note: &str,
        more: impl FnOnce(&mut Staging<'_>) -> Result<(), Error>,
    ) -> Result<Result<Held, JournalError>, Error> {
        let label = Ident::try_from(step).map_err(|error| malformed("a step", error))?;
        let what = What::StepDone(label, cut(note).as_bytes().to_vec().into());
        self.go_forward(held, what, self.ceremony_entry(held), more).await
    }

    /// An event that nobody but time and the service's own work brings about.
    pub(super) async fn by_itself(&self, held: &Held, what: What) -> Result<Held, Error> {
        self.go_forward(held, what, self.ceremony_entry(held), |_| Ok(())).await?.map_err(fault::journal)
    }
}

/// What was written down of a step, if it is done.
pub(super) fn note_of(held: &Held, step: &str) -> Option<String> {
    let found = held.ceremony.steps().find(|(label, _)| *label == step);
    found.map(|(_, note)| String::from_utf8_lossy(note).into_owned())
}

fn text(text: &str) -> Result<Text, Error> {
    Text::try_from(text).map_err(Error::internal)
}

/// As much of a note as an event takes: a list of many names must not keep a ceremony from its end.
fn cut(note: &str) -> &str {
    note.get(..note.floor_char_boundary(NOTE_LEN_MAX)).unwrap_or_default()
}

/// Whether trying again cannot help: what was approved does not fit what is there.
fn is_final(error: &Error) -> bool {
    // A clock that was set back is set right some time.
    let clock = error.by_rule() == Some("CEREMONY_TIME_BACKWARDS");
    let reason = matches!(
        error.reason(),
        Reason::InvalidName
            | Reason::InvalidArgument
            | Reason::UnsupportedAlgorithm
            | Reason::UnsupportedByBackend
            | Reason::KeyNotFound
            | Reason::VersionNotFound
            | Reason::WrongState
            | Reason::TooMany
            | Reason::MandateMissing
            | Reason::CeremonyRefused
            | Reason::ShareRefused
            | Reason::ShareSetNotFound
            | Reason::DepositNotFound
            | Reason::TargetNotFound
    );
    reason && !clock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_is_cut_between_characters() {
        assert_eq!(cut("by ann"), "by ann");
        let (exact, long) = ("a".repeat(NOTE_LEN_MAX), format!("a{}", "\u{e9}".repeat(NOTE_LEN_MAX)));
        assert_eq!(cut(&exact), exact);
        assert_eq!(cut(&long).len(), NOTE_LEN_MAX - 1);
        assert!(long.starts_with(cut(&long)));
    }
}
