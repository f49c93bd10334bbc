//! One value, one encoding.

use hufu_codec::{CodecError, decode, encode};
use minicbor::{Decode, Encode};

use crate::Error;

/// Decodes an envelope of at most `len_max` bytes, and refuses an encoding that is not the one we would write: what is
/// hashed and signed must have one form.
pub(crate) fn decode_strictly<'b, T>(
    domain: &'static str,
    version: u32,
    bytes: &'b [u8],
    len_max: usize,
) -> Result<T, Error>
where
    T: Decode<'b, ()> + Encode<()>,
{
    if bytes.len() > len_max {
        return Err(Error::TooLong { what: domain, max: len_max });
    }
    let value: T = decode(domain, version, bytes)?;
    if encode(domain, version, &value) == bytes { Ok(value) } else { Err(CodecError::Malformed { domain }.into()) }
}
