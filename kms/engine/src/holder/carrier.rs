//! What holders send each other by way of somebody else: each message is signed, and what is secret in it is sealed.

use hufu_core::{Error, Reason};
use hufu_custodian::{Agreement, SealingKey, Signed, Signer, open, seal};
use hufu_frost::dkg::{Outgoing, Round, SealError, Sealer, Statement};
use hufu_frost::{GenerationMandate, Identifier, SetId};
use hufu_secret::SecretBytes;

use super::refusal::{name, refused};
use super::setup::HolderSetup;
use crate::api::GenerationMessage;

/// Longest signed message, in bytes.
const SIGNED_LEN_MAX: usize = 8 << 10;

/// Carries messages of one generation for one holder.
pub(super) struct Carrier<'a> {
    pub(super) setup: &'a HolderSetup,
    pub(super) mandate: &'a GenerationMandate,
    pub(super) set: SetId,
    pub(super) me: Identifier,
}

impl Carrier<'_> {
    /// Signs what goes out.
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<GenerationMessage, Error> {
        let Outgoing { to, round, bytes } = outgoing;
        let statement = Statement { set: self.set, from: self.me, to, round, bytes }.to_bytes();
        let signature = Signer::sign(self.setup.identity.as_ref(), &statement).map_err(own_key)?;
        let signed = Signed { signer: self.setup.name.clone(), statement, signature }.to_bytes();
        let to = to.map_or(0, Identifier::number);
        Ok(GenerationMessage { from: self.me.number(), to, round: round.number(), signed })
    }

    /// What came in, once it was seen who signed it, and that it is what it is given out for. What fails here names nobody: whoever
    /// carried it may have made it.
    pub(super) fn receive(&self, message: &GenerationMessage) -> Result<Statement, Error> {
        let sender = name(self.mandate, message.from).ok_or_else(|| malformed("names a sender that there is not"))?;
        if message.signed.len() > SIGNED_LEN_MAX {
            return Err(Error::new(Reason::TooLarge, "a message has at most 8 KiB").field("messages.signed"));
        }
        let signed = Signed::from_bytes(&message.signed).map_err(|_| malformed("is no signed message"))?;
        let is_senders = signed.signer.as_str() == sender
            && signed.verify(&self.setup.roster).is_ok()
            && self.setup.holder(sender).is_some();
        if !is_senders {
            return Err(refused("bad-signature", format!("a message is not signed by `{sender}`, as it says")));
        }
        let statement =
            Statement::from_bytes(&signed.statement).map_err(|_| malformed("is no message of holders"))?;
        let to = statement.to.map_or(0, Identifier::number);
        let said = (statement.from.number(), to, statement.round.number());
        if said != (message.from, message.to, message.round) || statement.set != self.set {
            return Err(malformed("is another message than it is given out for"));
        }
        let is_ours = statement.round == Round::Outcome || statement.to.is_none_or(|to| to == self.me);
        if is_ours { Ok(statement) } else { Err(malformed("is for another holder")) }
    }
}

impl Sealer for Carrier<'_> {
    fn seal(&mut self, to: Identifier, binding: &[u8], secret: &SecretBytes) -> Result<Vec<u8>, SealError> {
        let key = self.sealing_key(to).ok_or(SealError::Own)?;
        seal(key, binding, secret).map_err(|_| SealError::Own)
    }

    fn open(&mut self, _: Identifier, binding: &[u8], sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let own: &dyn Agreement = self.setup.identity.as_ref();
        open(own, binding, sealed).map_err(|error| match error {
            hufu_custodian::Error::NotOpened
            | hufu_custodian::Error::Codec(_)
            | hufu_custodian::Error::TooLong { .. } => SealError::Sealed,
            _ => SealError::Own,
        })
    }
}

impl Carrier<'_> {
    fn sealing_key(&self, to: Identifier) -> Option<&SealingKey> {
        Some(&self.setup.holder(name(self.mandate, to.number())?)?.sealing)
    }
}

fn malformed(why: &str) -> Error {
    Error::new(Reason::InvalidArgument, format!("a message {why}")).field("messages")
}

fn own_key(error: hufu_custodian::Error) -> Error {
    Error::new(Reason::BackendUnavailable, "this holder's own key does not sign now").because(error)
}
