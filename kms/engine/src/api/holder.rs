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

/// A share as the holder's own operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptShare {
    /// `tenants/T/keys/K/versions/N`, in the deployment whose key it is; of a row that cannot be read its id.
    pub key_version: String,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`; nothing when the row is not as it was written.
    pub public_key: Option<[u8; 32]>,
    /// SHA-256 of the group.
    pub group: Option<[u8; 32]>,
    /// Under whose mandate it was made.
    pub requester: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub made_at_ms: u64,
    /// When it was destroyed.
    pub destroyed_at_ms: Option<u64>,
}

impl KeptShare {
    /// One whose row is not as it was written.
    pub(crate) fn locked(id: String) -> Self {
        Self {
            key_version: id,
            public_key: None,
            group: None,
            requester: String::new(),
            made_at_ms: 0,
            destroyed_at_ms: None,
        }
    }
}

/// What a rotation of the key did that shares are wrapped under.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ShareKeyRotation {
    /// Shares that are under the new key now.
    pub moved: usize,
    /// Rows that are not as they were written: while there are any, the old key stays.
    pub left: usize,
}
