//! Bytes with one encoding: what is read is written again and compared, so that two byte strings never mean the same.

use hufu_codec::{decode, encode};
use minicbor::{Decode, Encode};

use crate::Refusal;

/// What is read, and how long it may be.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    pub(crate) what: &'static str,
    pub(crate) domain: &'static str,
    pub(crate) len_max: usize,
}

/// The newest version of all formats here.
const VERSION: u32 = 1;

impl Format {
    pub(crate) fn write<T: Encode<()>>(self, value: &T) -> Vec<u8> {
        encode(self.domain, VERSION, value)
    }

    pub(crate) fn read<'b, T: Encode<()> + Decode<'b, ()>>(self, bytes: &'b [u8]) -> Result<T, Refusal> {
        if bytes.len() > self.len_max {
            return Err(Refusal::TooLarge { what: self.what, max: self.len_max });
        }
        let value: T = decode(self.domain, VERSION, bytes)?;
        let only = self.write(&value) == bytes;
        if only { Ok(value) } else { Err(Refusal::malformed(self.what, "its encoding is not the only one")) }
    }
}
