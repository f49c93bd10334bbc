//! A holder's whole part in a key generation, for a process that gets messages in whatever order they come.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::{Decode, Encode};

use super::Setup;
use super::committing::{Committing, begin};
use super::echoing::Echoing;
use super::inbox::check_sender;
use super::message::ROUND1_LEN_MAX;
use super::sealing::Sealer;
use super::sharing::Sharing;
use crate::ambient::Random;
use crate::error::{Error, Misconduct};
use crate::key_share::KeyShare;
use crate::threshold::Identifier;

/// Which step a message belongs to. The transport says so, since a sealed share does not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Round {
    /// Commitments and proofs, to all.
    #[n(1)]
    Commitment,
    /// What was seen of them, to all.
    #[n(2)]
    Echo,
    /// Sealed shares, one for each.
    #[n(3)]
    Share,
    /// What came out, to whoever asked for the key.
    #[n(4)]
    Outcome,
}

impl Round {
    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Commitment => 1,
            Self::Echo => 2,
            Self::Share => 3,
            Self::Outcome => 4,
        }
    }

    /// The round of a number.
    #[must_use]
    pub fn by_number(number: u8) -> Option<Self> {
        [Self::Commitment, Self::Echo, Self::Share, Self::Outcome].into_iter().find(|round| round.number() == number)
    }
}

/// A message to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// To one holder; `None`: to every other holder or, for [`Round::Outcome`], to whoever asked for the key.
    pub to: Option<Identifier>,
    /// Its round.
    pub round: Round,
    /// The message.
    pub bytes: Vec<u8>,
}

/// One holder in one key generation: [`Committing`], [`Echoing`] and [`Sharing`] in turn. Messages of later rounds
/// wait, at most one of each sender and round; the first error ends it, and its secrets are destroyed.
pub struct Participant {
    setup: Setup,
    state: State,
    early: BTreeMap<(Round, Identifier), Vec<u8>>,
}

enum State {
    Committing(Committing),
    Echoing(Echoing),
    Sharing(Sharing),
    Finished(KeyShare),
    Over,
}

impl Participant {
    /// Begins. The message goes to every other holder.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn begin(setup: Setup, random: &mut dyn Random) -> Result<(Self, Outgoing), Error> {
        let (state, bytes) = begin(setup, random)?;
        let participant = Self { setup, state: State::Committing(state), early: BTreeMap::new() };
        Ok((participant, Outgoing { to: None, round: Round::Commitment, bytes }))
    }

    /// Takes a message, and says what is to be sent now. One of a round that is over is passed over.
    ///
    /// # Errors
    /// [`Error::UnknownHolder`] for a sender that is none, which changes nothing. Any other error ends the key
    /// generation for this holder; [`Error::Over`] when it had ended before.
    pub fn receive(
        &mut self,
        from: Identifier,
        round: Round,
        bytes: &[u8],
        sealer: &mut dyn Sealer,
    ) -> Result<Vec<Outgoing>, Error> {
        check_sender(&self.setup, from)?;
        let taken = self.take(from, round, bytes, sealer).and_then(|()| self.advance(sealer));
        if taken.is_err() {
            self.state = State::Over;
            self.early.clear();
        }
        taken
    }

    /// Whose message of the present round has not come yet: who to ask, or to give up.
    #[must_use]
    pub fn missing(&self) -> Vec<Identifier> {
        match &self.state {
            State::Committing(state) => state.missing(),
            State::Echoing(state) => state.missing(),
            State::Sharing(state) => state.missing(),
            State::Finished(_) | State::Over => Vec::new(),
        }
    }

    /// Whether the outcome has been sent, and the share can be taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished(_))
    }

    /// The share, once the outcome has been sent. It is worth keeping when all outcomes agree ([`super::Agreement`]).
    #[must_use]
    pub fn finish(self) -> Option<KeyShare> {
        match self.state {
            State::Finished(share) => Some(share),
            _ => None,
        }
    }

    /// The round whose messages are taken now.
    fn round(&self) -> Result<Round, Error> {
        match &self.state {
            State::Committing(_) => Ok(Round::Commitment),
            State::Echoing(_) => Ok(Round::Echo),
            State::Sharing(_) => Ok(Round::Share),
            State::Finished(_) => Ok(Round::Outcome),
            State::Over => Err(Error::Over),
        }
    }

    fn take(&mut self, from: Identifier, round: Round, bytes: &[u8], sealer: &mut dyn Sealer) -> Result<(), Error> {
        let present = self.round()?;
        if round > present {
            return self.keep(from, round, bytes);
        }
        match &mut self.state {
            State::Committing(state) => state.receive(from, bytes),
            State::Echoing(state) if round == present => state.receive(from, bytes),
            State::Sharing(state) if round == present => state.receive(from, bytes, sealer),
            _ => Ok(()),
        }
    }

    /// Keeps a message of a later round.
    fn keep(&mut self, from: Identifier, round: Round, bytes: &[u8]) -> Result<(), Error> {
        if round == Round::Outcome || bytes.len() > ROUND1_LEN_MAX {
            return Err(Error::by(from, Misconduct::Malformed));
        }
        let kept = self.early.entry((round, from)).or_insert_with(|| bytes.to_vec());
        if kept == bytes { Ok(()) } else { Err(Error::by(from, Misconduct::Contradiction)) }
    }

    /// Goes on as far as the messages that are there allow.
    fn advance(&mut self, sealer: &mut dyn Sealer) -> Result<Vec<Outgoing>, Error> {
        let mut outgoing = Vec::new();
        while !matches!(self.state, State::Finished(_)) && self.missing().is_empty() {
            outgoing.extend(self.next(sealer)?);
            let round = self.round()?;
            let present = self.early.extract_if(.., |(of, _), _| *of == round).collect::<Vec<_>>();
            for ((_, from), bytes) in present {
                self.take(from, round, &bytes, sealer)?;
            }
        }
        Ok(outgoing)
    }

    fn next(&mut self, sealer: &mut dyn Sealer) -> Result<Vec<Outgoing>, Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Committing(state) => {
                let (state, bytes) = state.finish()?;
                self.state = State::Echoing(state);
                Ok(vec![Outgoing { to: None, round: Round::Echo, bytes }])
            }
            State::Echoing(state) => {
                let (state, shares) = state.finish(sealer)?;
                self.state = State::Sharing(state);
                let outgoing = |(to, bytes)| Outgoing { to: Some(to), round: Round::Share, bytes };
                Ok(shares.into_iter().map(outgoing).collect())
            }
            State::Sharing(state) => {
                let (share, bytes) = state.finish()?;
                self.state = State::Finished(share);
                Ok(vec![Outgoing { to: None, round: Round::Outcome, bytes }])
            }
            State::Finished(_) | State::Over => Err(Error::Over),
        }
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("setup", &self.setup)
            .field("round", &self.round())
            .finish_non_exhaustive()
    }
}
