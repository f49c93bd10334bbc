//! Deterministic CBOR (RFC 8949 §4.2) behind a domain and a format version: `[domain, version, body]`.

use alloc::vec::Vec;

use minicbor::{Decode, Decoder, Encode};

/// Why bytes are not what they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Not CBOR of this shape.
    Malformed,
    /// Another domain or version.
    Format,
    /// Not the one deterministic encoding of what it says.
    NotCanonical,
}

/// The encoding of a value. minicbor writes definite lengths and shortest integers; the types of this
/// crate order their map keys.
#[expect(clippy::expect_used, reason = "a vector takes every byte and no type of ours fails to encode")]
pub(crate) fn encode<T: Encode<()>>(value: T) -> Vec<u8> {
    minicbor::to_vec(value).expect("encoding into memory")
}

pub(crate) fn encode_versioned<T: Encode<()>>(domain: &str, version: u64, body: &T) -> Vec<u8> {
    encode((domain, version, body))
}

/// Reads `[domain, version, body]` and refuses every other way to write the same, so that a value has
/// one hash. What an encoder would leave out, such as an unknown field, is refused by this too.
pub(crate) fn decode_versioned<'b, T>(domain: &str, version: u64, bytes: &'b [u8]) -> Result<T, Refusal>
where
    T: Decode<'b, ()> + Encode<()>,
{
    let mut decoder = Decoder::new(bytes);
    read_header(&mut decoder, domain, version)?;
    let body: T = decoder.decode().map_err(|_| Refusal::Malformed)?;
    let canonical = encode_versioned(domain, version, &body) == bytes;
    if canonical { Ok(body) } else { Err(Refusal::NotCanonical) }
}

fn read_header(decoder: &mut Decoder<'_>, domain: &str, version: u64) -> Result<(), Refusal> {
    let length = decoder.array().map_err(|_| Refusal::Malformed)?;
    let found = decoder.str().map_err(|_| Refusal::Malformed)?;
    if length != Some(3) || found != domain {
        return Err(Refusal::Format);
    }
    let found = decoder.u64().map_err(|_| Refusal::Malformed)?;
    if found == version { Ok(()) } else { Err(Refusal::Format) }
}
