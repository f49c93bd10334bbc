//! The key generations that are under way. They are in memory alone: whatever ends this process ends them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hufu_core::{Error, Reason};
use hufu_frost::dkg::{Participant, Setup};
use hufu_frost::{GenerationMandate, Identifier, KeyShare, Random, SetId, SignedGenerationMandate};
use parking_lot::Mutex;

use super::carrier::Carrier;
use super::refusal::{failed, gone, refused};
use super::setup::HolderSetup;
use crate::api::GenerationMessage;

/// Generations under way at once.
const OPEN_MAX: usize = 8;
/// Mandates remembered that have begun a generation, until they end.
const BEGUN_MAX: usize = 4_096;
/// How long a generation may take.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);

/// All of them.
#[derive(Default)]
pub(super) struct Generations {
    open: BTreeMap<SetId, Open>,
    /// Those that were begun, and when their mandates end.
    begun: BTreeMap<SetId, u64>,
}

#[derive(Clone)]
pub(super) struct Open {
    pub(super) mandate: Arc<SignedGenerationMandate>,
    pub(super) me: Identifier,
    began: Duration,
    pub(super) work: Arc<Mutex<Work>>,
}

impl Open {
    pub(super) fn mandate(&self) -> &GenerationMandate {
        self.mandate.mandate()
    }

    pub(super) fn carrier<'a>(&'a self, setup: &'a HolderSetup) -> Carrier<'a> {
        Carrier { setup, mandate: self.mandate(), set: self.mandate.set_id(), me: self.me }
    }
}

impl Generations {
    /// Opens a generation, or finds the one that this mandate has opened.
    pub(super) fn open(
        &mut self,
        mandate: SignedGenerationMandate,
        me: Identifier,
        now_ms: u64,
        uptime: Duration,
    ) -> Result<Open, Error> {
        self.forget(now_ms, uptime);
        let set = mandate.set_id();
        if let Some(open) = self.open.get(&set) {
            return Ok(open.clone());
        }
        if self.begun.contains_key(&set) {
            return Err(refused("mandate-used", "the mandate has begun a generation, which is over"));
        }
        self.displace(mandate.mandate())?;
        if self.open.len() >= OPEN_MAX || self.begun.len() >= BEGUN_MAX {
            return Err(Error::new(Reason::Overloaded, "too many generations are under way").help("try again"));
        }
        self.begun.insert(set, mandate.mandate().expires_at_ms);
        let open = Open { mandate: Arc::new(mandate), me, began: uptime, work: Arc::default() };
        self.open.insert(set, open.clone());
        Ok(open)
    }

    /// Ends what is under way of the same key version: whoever has signed a newer mandate has given the older one up, as when its
    /// coordinator died. Another requester's waits for its end.
    fn displace(&mut self, mandate: &GenerationMandate) -> Result<(), Error> {
        let older = self.open.iter().find(|(_, open)| open.mandate().key == mandate.key);
        let Some((set, open)) = older.map(|(set, open)| (*set, open)) else { return Ok(()) };
        if open.mandate().requester != mandate.requester {
            return Err(refused("under-way", "another requester's generation of this key version is under way"));
        }
        self.open.remove(&set);
        Ok(())
    }

    pub(super) fn find(&mut self, set: SetId, now_ms: u64, uptime: Duration) -> Result<Open, Error> {
        self.forget(now_ms, uptime);
        self.open.get(&set).cloned().ok_or_else(gone)
    }

    /// Throws a generation away, with all that is secret in it.
    pub(super) fn close(&mut self, set: SetId) {
        self.open.remove(&set);
    }

    /// Takes back what has not begun: its mandate may begin it yet.
    pub(super) fn undo(&mut self, set: SetId) {
        // One that is being worked on has begun.
        let is_new = |open: &Open| open.work.try_lock().is_some_and(|work| work.last.is_empty());
        if self.open.get(&set).is_some_and(is_new) {
            self.open.remove(&set);
            self.begun.remove(&set);
        }
    }

    fn forget(&mut self, now_ms: u64, uptime: Duration) {
        self.open.retain(|_, open| uptime.saturating_sub(open.began) < LIFETIME);
        let open = &self.open;
        self.begun.retain(|set, ends_at_ms| *ends_at_ms > now_ms || open.contains_key(set));
    }
}

/// The state of one generation. What it sent last is kept, for a coordinator that has lost it on the way.
#[derive(Default)]
pub(super) struct Work {
    participant: Option<Participant>,
    last: Vec<GenerationMessage>,
    taken: BTreeSet<(u8, u8)>,
    /// What came out, until it is kept.
    pub(super) share: Option<KeyShare>,
}

impl Work {
    /// Begins, or tells again what was sent at the beginning.
    pub(super) fn begin(
        &mut self,
        carrier: &Carrier<'_>,
        random: &mut dyn Random,
    ) -> Result<Vec<GenerationMessage>, Error> {
        if self.last.is_empty() {
            let GenerationMandate { suite, threshold, .. } = *carrier.mandate;
            let begun = Setup::new(suite, threshold, carrier.set, carrier.me)
                .and_then(|setup| Participant::begin(setup, random));
            let (participant, outgoing) = begun.map_err(|error| failed(&error, carrier.mandate))?;
            self.last = vec![carrier.send(outgoing)?];
            self.participant = Some(participant);
        } else if !self.taken.is_empty() {
            return Err(refused("mandate-used", "the generation has gone on"));
        }
        Ok(self.last.clone())
    }

    /// Takes messages, all of them or none: a message that is not what it says changes nothing. What holders sent that no honest
    /// holder sends ends the generation.
    pub(super) fn go_on(
        &mut self,
        carrier: &mut Carrier<'_>,
        messages: &[GenerationMessage],
    ) -> Result<Vec<GenerationMessage>, Step> {
        let received: Result<Vec<_>, Error> = messages.iter().map(|message| carrier.receive(message)).collect();
        let received = received.map_err(Step::Refused)?;
        let are_known = received.iter().all(|one| self.taken.contains(&(one.from.number(), one.round.number())));
        let mut sent = Vec::new();
        let Some(participant) = &mut self.participant else { return self.told_again() };
        for statement in received {
            let outgoing = participant.receive(statement.from, statement.round, &statement.bytes, carrier);
            for one in outgoing.map_err(|error| Step::Over(failed(&error, carrier.mandate)))? {
                sent.push(carrier.send(one).map_err(Step::Over)?);
            }
            self.taken.insert((statement.from.number(), statement.round.number()));
        }
        if let Some(share) = finished(&mut self.participant) {
            self.share = Some(share);
        }
        if sent.is_empty() && are_known {
            return self.told_again();
        }
        if !sent.is_empty() {
            self.last.clone_from(&sent);
        }
        Ok(sent)
    }

    fn told_again(&self) -> Result<Vec<GenerationMessage>, Step> {
        if self.last.is_empty() { Err(Step::Refused(gone())) } else { Ok(self.last.clone()) }
    }
}

/// Why a step was not done.
pub(super) enum Step {
    /// Nothing has changed.
    Refused(Error),
    /// The generation is over.
    Over(Error),
}

/// The share, if all rounds are over.
fn finished(participant: &mut Option<Participant>) -> Option<KeyShare> {
    if participant.as_ref().is_some_and(Participant::is_finished) {
        return participant.take().and_then(Participant::finish);
    }
    None
}
