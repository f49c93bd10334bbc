//! What a holder of shares is asked and answers.

/// Who a holder is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HolderView {
    /// Its name in the roster.
    pub name: String,
    /// The deployment whose keys it holds shares of.
    pub deployment: String,
    /// Hash of the roster that it goes by.
    pub roster: [u8; 32],
    /// Whether a simulated token keeps its shares.
    pub simulated: bool,
}

/// A message of a key generation on its way from one holder to another, or to whoever asked for the key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenerationMessage {
    /// The sender's number, from 1.
    pub from: u8,
    /// The receiver's number; 0 for all.
    pub to: u8,
    /// The round, from 1.
    pub round: u8,
    /// The message, signed by its sender.
    pub signed: Vec<u8>,
}

/// What a holder sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenerationMessages {
    /// The generation.
    pub generation: [u8; 32],
    /// The messages.
    pub messages: Vec<GenerationMessage>,
}

/// A share that a holder has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldShare {
    /// `tenants/T/keys/K/versions/N`, in the deployment whose key it is.
    pub key_version: String,
    /// The public side, in the encoding of `hufu-frost`.
    pub group: Vec<u8>,
    /// The holder's number in it.
    pub number: u8,
}
