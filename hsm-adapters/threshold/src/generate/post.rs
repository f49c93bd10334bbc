//! The post between holders: what each sends is checked to be its own, and put into the boxes of those it is for.

use hufu_core::backend::HolderFault;
use hufu_custodian::{Roster, Signed};
use hufu_frost::dkg::{Agreement, Round, Statement};
use hufu_frost::{Error, Group, Identifier, SignedGenerationMandate};

use crate::link::Message;
use crate::words::{fault, misconduct};

/// Longest signed message in bytes.
const SIGNED_LEN_MAX: usize = 8 << 10;

pub(super) struct Post<'a> {
    roster: &'a Roster,
    mandate: &'a SignedGenerationMandate,
    /// By the receivers' numbers, less one.
    boxes: Vec<Vec<Message>>,
    agreement: Agreement,
    outcomes: Vec<Message>,
}

impl<'a> Post<'a> {
    pub(super) fn new(roster: &'a Roster, mandate: &'a SignedGenerationMandate) -> Self {
        let said = mandate.mandate();
        Self {
            roster,
            mandate,
            boxes: vec![Vec::new(); said.holders.len()],
            agreement: Agreement::new(said.suite, said.threshold, mandate.set_id()),
            outcomes: Vec::new(),
        }
    }

    /// Whether nobody has mail.
    pub(super) fn is_empty(&self) -> bool {
        self.boxes.iter().all(Vec::is_empty)
    }

    /// Empties the boxes.
    pub(super) fn empty(&mut self) -> Vec<Vec<Message>> {
        let empty = vec![Vec::new(); self.boxes.len()];
        std::mem::replace(&mut self.boxes, empty)
    }

    /// Takes what a holder has sent.
    pub(super) fn take(&mut self, number: u32, messages: Vec<Message>) -> Result<(), HolderFault> {
        let from = u8::try_from(number).ok().and_then(|number| Identifier::new(number).ok());
        let Some(from) = from else { return Err(fault(&number.to_string(), "no holder has this number")) };
        let name = self.name(from).to_owned();
        // No honest holder sends more at once than one message of a round to each other, and one to all.
        if messages.len() > self.boxes.len() + 2 {
            return Err(misconduct(&name, "it sends more messages than there are"));
        }
        messages.into_iter().try_for_each(|message| self.sort(from, message)).map_err(|what| misconduct(&name, what))
    }

    fn sort(&mut self, from: Identifier, message: Message) -> Result<(), String> {
        let statement = self.read(from, &message)?;
        if statement.round == Round::Outcome {
            self.agreement.receive(from, &statement.bytes).map_err(|error| error.to_string())?;
            self.outcomes.push(message);
            return Ok(());
        }
        for (at, other) in self.boxes.iter_mut().zip(self.mandate.mandate().threshold.holders()) {
            if other != from && statement.to.is_none_or(|to| to == other) {
                at.push(message.clone());
            }
        }
        Ok(())
    }

    /// What a message says, when its sender has signed just that.
    fn read(&self, from: Identifier, message: &Message) -> Result<Statement, String> {
        if message.signed.len() > SIGNED_LEN_MAX {
            return Err("a message is too long".to_owned());
        }
        let signed = Signed::from_bytes(&message.signed).map_err(|error| error.to_string())?;
        let signer = signed.verify(self.roster).map_err(|error| error.to_string())?;
        let statement = Statement::from_bytes(&signed.statement).map_err(|error| error.to_string())?;
        let said = (statement.to.map_or(0, |to| u32::from(to.number())), number(statement.round));
        let genuine = signer.name.as_str() == self.name(from)
            && statement.from == from
            && statement.set == self.mandate.set_id()
            && said == (message.to, message.round);
        if genuine { Ok(statement) } else { Err("a message is not what its sender has signed".to_owned()) }
    }

    /// The group that all holders came to, and their word for it.
    pub(super) fn finish(self) -> Result<(Group, Vec<Message>), Vec<HolderFault>> {
        let names = &self.mandate.mandate().holders;
        let name = |holder: &Identifier| names.get(usize::from(holder.number()) - 1).map_or("", String::as_str);
        match self.agreement.finish() {
            Ok(group) => Ok((group, self.outcomes)),
            Err(Error::Incomplete { missing }) => {
                Err(missing.iter().map(|holder| fault(name(holder), "came to no outcome")).collect())
            }
            Err(Error::Misbehaved { culprits, how }) => {
                Err(culprits.iter().map(|holder| misconduct(name(holder), how)).collect())
            }
            // Nobody can tell who lied: it is said of all.
            Err(error) => Err(names.iter().map(|name| fault(name, &error)).collect()),
        }
    }

    fn name(&self, holder: Identifier) -> &'a str {
        let names = &self.mandate.mandate().holders;
        names.get(usize::from(holder.number()) - 1).map_or("", String::as_str)
    }
}

/// A round as messages name it.
fn number(round: Round) -> u32 {
    match round {
        Round::Commitment => 1,
        Round::Echo => 2,
        Round::Share => 3,
        Round::Outcome => 4,
    }
}
