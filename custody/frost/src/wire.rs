//! How messages are written and read: CBOR in an envelope, bounded, and in one form only.

use minicbor::{Decode, Encode};
use zeroize::Zeroize;

use crate::error::Error;

/// A message between holders, or between a holder and a coordinator.
pub(crate) trait Message: Encode<()> + for<'b> Decode<'b, ()> {
    /// What the envelope says that it is.
    const DOMAIN: &'static str;
    /// The longest that is read, in bytes.
    const LEN_MAX: usize;

    fn to_wire(&self) -> Vec<u8> {
        hufu_codec::encode(Self::DOMAIN, VERSION, self)
    }

    /// Reads a message and refuses every encoding but the one that [`Message::to_wire`] writes: whoever hashes or
    /// signs the bytes has hashed or signed the meaning, and nothing beside it.
    fn from_wire(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > Self::LEN_MAX {
            return Err(Error::TooLong { what: Self::DOMAIN, limit: Self::LEN_MAX });
        }
        let message: Self = hufu_codec::decode(Self::DOMAIN, VERSION, bytes)?;
        let mut again = message.to_wire();
        let same = again == bytes;
        again.zeroize();
        if same { Ok(message) } else { Err(Error::Malformed { what: Self::DOMAIN }) }
    }
}

/// The message's domain, if the bytes are one.
pub(crate) fn recognised<M: Message>(bytes: &[u8]) -> Option<&'static str> {
    M::from_wire(bytes).is_ok().then_some(M::DOMAIN)
}

/// Which of this crate's messages the bytes are, by domain: for whoever looks into traffic, and for fuzzing.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<&'static str> {
    crate::dkg::recognise(bytes)
        .or_else(|| crate::signing::recognise(bytes))
        .or_else(|| crate::mandate::recognise(bytes))
        .or_else(|| crate::generation_mandate::recognise(bytes))
        .or_else(|| crate::holder::recognise(bytes))
        .or_else(|| crate::group::recognise(bytes))
}

/// The one format version there is of every message.
const VERSION: u32 = 1;
