//! The rounds of a key generation, as a coordinator brings them.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::Subject;
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};
use hufu_frost::{GenerationMandate, RandomError, SetId, SignedGenerationMandate};

use super::generations::{Open, Step};
use super::judge::judge;
use super::{Holding, resource};
use crate::api::{Caller, GenerationMessage, GenerationMessages};
use crate::engine::{Engine, Permit};

/// Shares that a holder has at most, with those that are destroyed.
const SHARES_MAX: usize = 4_096;
/// Messages at once, at most.
const MESSAGES_MAX: usize = 256;

impl Engine {
    /// Begins to make a key, or tells again how this mandate's generation began.
    ///
    /// # Errors
    /// [`Reason::HolderRefused`] with the rule; [`Reason::ClockFrozen`]; [`Reason::Overloaded`].
    pub async fn begin_generation(&self, caller: &Caller, mandate: &[u8]) -> Result<GenerationMessages, Error> {
        let result = self.begin_generation_checked(caller, mandate).await;
        self.conclude(caller, Action::GenerateShare, || named(mandate), result).await
    }

    /// Takes what other holders sent, and tells what this one sends.
    ///
    /// # Errors
    /// [`Reason::HolderRefused`] with the rule, which names holders that are at fault: the generation is over then.
    pub async fn continue_generation(
        &self,
        caller: &Caller,
        generation: [u8; 32],
        messages: Vec<GenerationMessage>,
    ) -> Result<GenerationMessages, Error> {
        let result = self.continue_generation_checked(caller, SetId(generation), messages).await;
        self.conclude(caller, Action::GenerateShare, || format!("generations/{}", SetId(generation)), result).await
    }

    async fn begin_generation_checked(&self, caller: &Caller, mandate: &[u8]) -> Result<GenerationMessages, Error> {
        let permit = self.authorize_holding(caller, Action::GenerateShare)?;
        let malformed = |error| Error::new(Reason::InvalidArgument, format!("{error}")).field("mandate");
        let mandate = SignedGenerationMandate::from_bytes(mandate).map_err(malformed)?;
        let slot = self.reserve()?;
        let open = self.open_generation(mandate)?;
        let (set, setup, rng) = (open.mandate.set_id(), self.hold()?.setup.clone(), self.rng.clone());
        let this = open.clone();
        let begun = self.elsewhere(move || {
            let mut random = |buffer: &mut [u8]| rng.fill(buffer).map_err(|_| RandomError);
            let carrier = this.carrier(&setup);
            this.work.lock().begin(&carrier, &mut random)
        });
        let messages = match begun.await.flatten() {
            Ok(messages) => messages,
            Err(error) => {
                self.hold()?.generations.lock().undo(set);
                return Err(error);
            }
        };
        let entry = self.generation_entry(caller, &permit, open.mandate(), format!("began; generation {set}"));
        let subject = Subject::new(&resource(&open.mandate().key));
        self.release(slot, &permit, caller, &subject, entry).await?;
        Ok(GenerationMessages { generation: set.0, messages })
    }

    fn open_generation(&self, mandate: SignedGenerationMandate) -> Result<Open, Error> {
        let holding = self.hold()?;
        let now_ms = {
            let state = &mut *holding.state.lock();
            let now_ms = holding.now(state, self)?;
            state.kept.admit(mandate.set_id(), &mandate.mandate().key)?;
            if state.kept.len() >= SHARES_MAX {
                return Err(Error::new(Reason::TooMany, format!("a holder has at most {SHARES_MAX} shares")));
            }
            now_ms
        };
        let me = judge(&holding.setup, &mandate, now_ms)?;
        holding.generations.lock().open(mandate, me, now_ms, self.clock.uptime())
    }

    async fn continue_generation_checked(
        &self,
        caller: &Caller,
        set: SetId,
        messages: Vec<GenerationMessage>,
    ) -> Result<GenerationMessages, Error> {
        let permit = self.authorize_holding(caller, Action::GenerateShare)?;
        if messages.is_empty() || messages.len() > MESSAGES_MAX {
            let why = format!("1 to {MESSAGES_MAX} messages come at once");
            return Err(Error::new(Reason::InvalidArgument, why).field("messages"));
        }
        let slot = self.reserve()?;
        let open = self.find_generation(set)?;
        let (this, setup) = (open.clone(), self.hold()?.setup.clone());
        let step = self.elsewhere(move || this.work.lock().go_on(&mut this.carrier(&setup), &messages)).await?;
        let messages = step.map_err(|step| match step {
            Step::Refused(error) => error,
            Step::Over(error) => {
                // Whoever comes later finds nothing any more.
                if let Ok(holding) = self.hold() {
                    holding.generations.lock().close(set);
                }
                error
            }
        })?;
        let rounds: Vec<String> = messages.iter().map(|one| one.round.to_string()).collect();
        let detail = format!("went on; generation {set}; sent rounds [{}]", rounds.join(" "));
        let entry = self.generation_entry(caller, &permit, open.mandate(), detail);
        let subject = Subject::new(&resource(&open.mandate().key));
        self.release(slot, &permit, caller, &subject, entry).await?;
        Ok(GenerationMessages { generation: set.0, messages })
    }

    pub(super) fn find_generation(&self, set: SetId) -> Result<Open, Error> {
        let holding = self.hold()?;
        let now_ms = holding.now(&mut holding.state.lock(), self)?;
        holding.generations.lock().find(set, now_ms, self.clock.uptime())
    }

    pub(super) fn generation_entry(
        &self,
        caller: &Caller,
        permit: &Permit,
        mandate: &GenerationMandate,
        detail: String,
    ) -> AuditEntry {
        let entry = self.entry(caller, Action::GenerateShare, resource(&mandate.key), permit);
        let of =
            format!("mandate of {}; {} of {}", mandate.requester, mandate.threshold.t(), mandate.holders.join(" "));
        self.salted(AuditEntry { detail: Some(format!("{detail}; {of}")), ..entry })
    }

    /// Decides whether a caller may ask a holder for this at all. What counts beyond that is requesters' mandates.
    pub(super) fn authorize_holding(&self, caller: &Caller, action: Action) -> Result<Permit, Error> {
        self.hold()?;
        self.authorize(caller, action, &caller.principal.record.tenant, None)
    }
}

impl Holding {
    /// The time that counts, never behind what was seen before.
    pub(super) fn now(&self, state: &mut super::State, engine: &Engine) -> Result<u64, Error> {
        let now_ms = engine.clock.now_ms();
        state.clock.check(now_ms, engine.clock.uptime())?;
        Ok(state.holder.time(now_ms))
    }
}

/// What a refusal is recorded under.
fn named(mandate: &[u8]) -> String {
    SignedGenerationMandate::from_bytes(mandate)
        .map_or_else(|_| "shares".to_owned(), |mandate| resource(&mandate.mandate().key))
}
