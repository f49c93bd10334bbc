//! A secret on the socket between a service and its opener.

use std::fmt;

use hufu_secret::SecretBytes;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// Longest secret in bytes: a Diffie-Hellman value has 32.
const LEN_MAX: usize = 64;

/// Bytes that are locked and zeroized on both sides.
pub(crate) struct Secret(pub(crate) SecretBytes);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl<C> Encode<C> for Secret {
    fn encode<W: encode::Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encoder.bytes(self.0.expose())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Secret {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes = decoder.bytes()?;
        if bytes.len() > LEN_MAX {
            return Err(decode::Error::message("a secret that is too long"));
        }
        Ok(Self(SecretBytes::from_slice(bytes)))
    }
}
