//! What a requester has signed, whatever it allows.

use std::marker::PhantomData;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::error::Error;
use crate::id::MessageDigest;
use crate::wire::{Message, recognised};

/// The longest name in a mandate, in bytes.
pub const NAME_LEN_MAX: usize = 255;

/// The longest signature on a mandate, in bytes.
const SIGNATURE_LEN_MAX: usize = 512;

/// A leave that a requester signs.
pub(crate) trait Leave: Message {
    /// The domain of the leave with its signature.
    const SIGNED_DOMAIN: &'static str;

    /// Whether all that it says is in range.
    fn is_in_range(&self) -> bool;

    /// The bytes that the requester signs.
    fn to_be_signed(&self) -> Result<Vec<u8>, Error> {
        if !self.is_in_range() {
            return Err(Error::Malformed { what: Self::DOMAIN });
        }
        let bytes = self.to_wire();
        let fits = bytes.len() <= Self::LEN_MAX;
        if fits { Ok(bytes) } else { Err(Error::TooLong { what: Self::DOMAIN, limit: Self::LEN_MAX }) }
    }
}

/// The longest encoding of a signed leave, in bytes.
pub(crate) const fn signed_len_max(leave_len_max: usize) -> usize {
    leave_len_max + SIGNATURE_LEN_MAX + 64
}

/// Whether it is 1 to 255 bytes without control characters.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// A leave with its requester's signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Signed<L> {
    leave: L,
    form: Form<L>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Form<L> {
    signed: Vec<u8>,
    signature: Vec<u8>,
    of: PhantomData<L>,
}

impl<L: Leave> Signed<L> {
    pub(crate) fn new(leave: L, signature: Vec<u8>) -> Result<Self, Error> {
        let form = Form { signed: leave.to_be_signed()?, signature, of: PhantomData };
        Self::of(leave, form)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let form = Form::<L>::from_wire(bytes)?;
        let leave = L::from_wire(&form.signed)?;
        let good = leave.is_in_range();
        if good { Self::of(leave, form) } else { Err(Error::Malformed { what: L::DOMAIN }) }
    }

    fn of(leave: L, form: Form<L>) -> Result<Self, Error> {
        if form.signature.len() > SIGNATURE_LEN_MAX {
            return Err(Error::Malformed { what: L::SIGNED_DOMAIN });
        }
        Ok(Self { leave, form })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.form.to_wire()
    }

    pub(crate) fn leave(&self) -> &L {
        &self.leave
    }

    pub(crate) fn signed(&self) -> &[u8] {
        &self.form.signed
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.form.signature
    }

    /// SHA-256 of what was signed; the signature is not in it, of which there may be several.
    pub(crate) fn digest(&self) -> MessageDigest {
        MessageDigest::of(&self.form.signed)
    }
}

impl<L: Leave> Message for Form<L> {
    const DOMAIN: &'static str = L::SIGNED_DOMAIN;
    const LEN_MAX: usize = signed_len_max(L::LEN_MAX);
}

impl<L, C> Encode<C> for Form<L> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.signed)?.bytes(&self.signature)?.ok()
    }
}

impl<'b, L, C> Decode<'b, C> for Form<L> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("not a leave and its signature"));
        }
        Ok(Self { signed: d.bytes()?.to_vec(), signature: d.bytes()?.to_vec(), of: PhantomData })
    }
}

/// Which part of a signed leave the bytes are.
pub(crate) fn recognise<L: Leave>(bytes: &[u8]) -> Option<&'static str> {
    recognised::<L>(bytes).or_else(|| recognised::<Form<L>>(bytes))
}
