//! Why something about custodians is refused.

use hufu_codec::CodecError;

use crate::{Label, Name};

/// Why something about custodians is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is none.
    #[error("`{0}` is no name: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter")]
    Name(String),
    /// A public key that is malformed, or of an algorithm that custodians do not use.
    #[error("the {what} key is refused: {why}")]
    PublicKey {
        /// Which of a custodian's keys.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A roster that cannot be one.
    #[error("the roster is refused: {0}")]
    Roster(String),
    /// Someone whom the roster does not know.
    #[error("the roster has no custodian `{0}`")]
    Unknown(Name),
    /// A signature that is not that custodian's, or not over these bytes.
    #[error("the signature of `{0}` does not verify")]
    Signature(Name),
    /// Nothing could be sealed to a key.
    #[error("sealing failed: {0}")]
    Sealing(&'static str),
    /// Something sealed that does not open: sealed to another key or for another purpose, or changed.
    #[error("this was not sealed to that key and for this purpose, or it was changed")]
    NotOpened,
    /// The custodian's private key did not do its part.
    #[error("the private key did not agree: {0}")]
    Agreement(String),
    /// The custodian's private key did not sign.
    #[error("the private key did not sign: {0}")]
    Signing(String),
    /// Bytes that are not what they should be.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A challenge that is not answered, or an answer that is not accepted.
    #[error("the enrolment is refused: {0}")]
    Enrolment(&'static str),
    /// A roster that does not follow the pinned one.
    #[error("the roster is not the pinned one and does not follow it: {0}")]
    NotPinned(&'static str),
    /// Armour or a printed text that is not as it was written.
    #[error("the text is refused: {0}")]
    Text(&'static str),
    /// A line of a printed text.
    #[error("line {number} is refused: {why}")]
    Line {
        /// The number that stands before it, or should.
        number: u16,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A text that holds something else.
    #[error("the text holds `{found}`, not `{wanted}`")]
    Label {
        /// What was wanted.
        wanted: Label,
        /// What is there.
        found: Label,
    },
    /// Words that say no hash.
    #[error("word {at} of 16 is wrong, missing or too many")]
    Words {
        /// Which, from 1.
        at: usize,
    },
    /// More than the limit.
    #[error("{what} is longer than {max} bytes")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// The limit.
        max: usize,
    },
}
