//! The envelope of everything stored or signed: CBOR `[domain, format version, value]`.

use minicbor::{Decode, Decoder, Encode, Encoder};

/// Why stored bytes could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not the expected CBOR.
    #[error("malformed `{domain}` record")]
    Malformed {
        /// The domain that was expected.
        domain: &'static str,
    },
    /// The record was written by a newer release.
    #[error("`{domain}` record has format version {found}, newest known is {known}")]
    Newer {
        /// The domain of the record.
        domain: &'static str,
        /// The version found.
        found: u32,
        /// The newest version that this release reads.
        known: u32,
    },
}

/// Encodes a value in its envelope.
pub fn encode<T: Encode<()>>(domain: &'static str, version: u32, value: &T) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(256));
    // Writing to a vector cannot fail: its error type is `Infallible`.
    let written = (|| {
        encoder.array(3)?.str(domain)?.u32(version)?;
        encoder.encode(value)?;
        Ok::<(), minicbor::encode::Error<core::convert::Infallible>>(())
    })();
    debug_assert!(written.is_ok(), "a custom encoder refused a value of `{domain}`");
    encoder.into_writer()
}

/// Decodes a value from its envelope; trailing bytes are refused.
///
/// # Errors
/// [`CodecError`] when the bytes are malformed, of another domain, or newer than `version`.
pub fn decode<'b, T: Decode<'b, ()>>(domain: &'static str, version: u32, bytes: &'b [u8]) -> Result<T, CodecError> {
    let malformed = || CodecError::Malformed { domain };
    let mut decoder = Decoder::new(bytes);
    if decoder.array().ok().flatten() != Some(3) || decoder.str().ok() != Some(domain) {
        return Err(malformed());
    }
    let found = decoder.u32().map_err(|_| malformed())?;
    if found > version {
        return Err(CodecError::Newer { domain, found, known: version });
    }
    if found == 0 {
        return Err(malformed());
    }
    let value = decoder.decode().map_err(|_| malformed())?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err(malformed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelope_is_strict() {
        let bytes = encode("hufu-test", 2, &7u8);
        assert_eq!(decode::<u8>("hufu-test", 2, &bytes), Ok(7));
        assert!(matches!(decode::<u8>("hufu-test", 1, &bytes), Err(CodecError::Newer { found: 2, .. })));
        assert!(decode::<u8>("hufu-other", 2, &bytes).is_err());
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode::<u8>("hufu-test", 2, &longer).is_err());
        for cut in 0..bytes.len() {
            assert!(decode::<u8>("hufu-test", 2, &bytes[..cut]).is_err());
        }
    }
}
