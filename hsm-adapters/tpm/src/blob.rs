//! What the TPM gives out of a key, as it is stored.

use hufu_core::backend::BackendError;
use hufu_core::codec;
use minicbor::{Decode, Encode};
use tss_esapi::structures::{Private, Public};
use tss_esapi::traits::{Marshall as _, UnMarshall as _};

use crate::fault::Fault;

const DOMAIN: &str = "hufu-tpm-key";
const VERSION: u32 = 1;
/// Longest public area or wrapped private area, in bytes; those of elliptic curves have about 200.
const PART_LEN_MAX: usize = 4_096;

/// The public area and the private area, which only the TPM can open.
#[derive(Encode, Decode)]
struct Parts<'b> {
    #[cbor(n(0), with = "minicbor::bytes")]
    private: &'b [u8],
    #[cbor(n(1), with = "minicbor::bytes")]
    public: &'b [u8],
}

/// Encodes a key.
pub(crate) fn encode(private: &Private, public: &Public) -> Result<Vec<u8>, Fault> {
    let public = public.marshall()?;
    Ok(codec::encode(DOMAIN, VERSION, &Parts { private: private.value(), public: &public }))
}

/// Decodes a key.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Private, Public), BackendError> {
    let malformed = |why: &str| BackendError::Missing(format!("the stored key is malformed: {why}"));
    let parts: Parts<'_> = codec::decode(DOMAIN, VERSION, bytes).map_err(|error| malformed(&error.to_string()))?;
    if parts.private.len().max(parts.public.len()) > PART_LEN_MAX {
        return Err(malformed("too long"));
    }
    let private = Private::try_from(parts.private).map_err(|_| malformed("private area"))?;
    let public = Public::unmarshall(parts.public).map_err(|_| malformed("public area"))?;
    Ok((private, public))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_blobs_are_refused() {
        let encode = |private: &[u8], public: &[u8]| codec::encode(DOMAIN, VERSION, &Parts { private, public });
        let long = [0; PART_LEN_MAX + 1];
        for bytes in [&b""[..], b"\xff", &encode(&[1; 32], b""), &encode(&[1; 32], &[0; 8]), &encode(&long, &long)] {
            assert!(matches!(decode(bytes), Err(BackendError::Missing(_))));
        }
    }
}
