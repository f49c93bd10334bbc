//! Outcomes and errors of operations.

use std::convert::Infallible;

use hufu_core::backend::{BackendError, Generated, Outcome};
use hufu_core::record::Locator;
use hufu_secret::SecretBytes;
use minicbor::encode::Error;
use minicbor::{Decoder, Encoder};

use super::{WireError, array};

type Written = Result<(), Error<Infallible>>;
type Writer<'w> = Encoder<&'w mut Vec<u8>>;

/// Bytes of one identity in an inventory.
const UID_LEN: usize = 17;

/// The length of everything in an answer that has no fixed length.
pub(super) fn len(result: &Result<Outcome, BackendError>) -> usize {
    match result {
        Ok(Outcome::Generated(generated)) => {
            // A locator and an attestation name a serial number and a model, which PKCS#11 holds to 16, 32 and 16 bytes.
            generated.public_key.as_ref().map_or(0, Vec::len) + 1_024
        }
        Ok(Outcome::Inventory(uids)) => uids.len() * UID_LEN,
        Ok(Outcome::Rewrapped(Locator::Wrapped { blob, .. })) => blob.len(),
        Ok(Outcome::Bytes(bytes)) => bytes.len(),
        Ok(Outcome::Plaintext(secret)) => secret.len(),
        Ok(Outcome::Encapsulated { ciphertext, secret }) => ciphertext.len() + secret.len(),
        Ok(Outcome::SignedByHolders { signature, .. }) => signature.len(),
        Ok(Outcome::Found(_) | Outcome::Done | Outcome::Verified(_) | Outcome::Rewrapped(_)) => 0,
        Err(error) => why(error).len(),
    }
}

pub(super) fn encode(writer: &mut Writer<'_>, result: &Result<Outcome, BackendError>) -> Written {
    match result {
        Ok(Outcome::Generated(generated)) => {
            writer.array(4)?.u8(1)?.encode(&generated.locator)?;
            match &generated.public_key {
                Some(spki) => writer.bytes(spki)?,
                None => writer.null()?,
            };
            writer.encode(&generated.attestation)?.ok()
        }
        Ok(Outcome::Found(found)) => writer.array(2)?.u8(2)?.bool(*found)?.ok(),
        Ok(Outcome::Inventory(uids)) => writer.array(2)?.u8(3)?.encode(uids)?.ok(),
        Ok(Outcome::Done) => writer.array(1)?.u8(4)?.ok(),
        Ok(Outcome::Bytes(bytes)) => writer.array(2)?.u8(5)?.bytes(bytes)?.ok(),
        Ok(Outcome::Plaintext(secret)) => writer.array(2)?.u8(6)?.bytes(secret.expose())?.ok(),
        Ok(Outcome::Verified(good)) => writer.array(2)?.u8(7)?.bool(*good)?.ok(),
        Ok(Outcome::Encapsulated { ciphertext, secret }) => {
            writer.array(3)?.u8(8)?.bytes(ciphertext)?.bytes(secret.expose())?.ok()
        }
        Ok(Outcome::Rewrapped(locator)) => writer.array(2)?.u8(9)?.encode(locator)?.ok(),
        // No device behind a worker has holders.
        Ok(Outcome::SignedByHolders { .. }) => Err(minicbor::encode::Error::message("an answer of holders")),
        Err(error) => {
            writer.array(2)?.u8(ERROR)?;
            encode_error(writer, error)
        }
    }
}

pub(super) fn decode(d: &mut Decoder<'_>) -> Result<Result<Outcome, BackendError>, WireError> {
    let len = d.array()?.ok_or(WireError::Malformed)?;
    Ok(Ok(match (d.u8()?, len) {
        (1, 4) => {
            let locator = d.decode()?;
            let public_key = d.decode::<Option<&minicbor::bytes::ByteSlice>>()?.map(|spki| spki.to_vec());
            Outcome::Generated(Box::new(Generated { locator, public_key, attestation: d.decode()? }))
        }
        (2, 2) => Outcome::Found(d.bool()?),
        (3, 2) => Outcome::Inventory(d.decode()?),
        (4, 1) => Outcome::Done,
        (5, 2) => Outcome::Bytes(d.bytes()?.to_vec()),
        (6, 2) => Outcome::Plaintext(SecretBytes::from_slice(d.bytes()?)),
        (7, 2) => Outcome::Verified(d.bool()?),
        (8, 3) => {
            let ciphertext = d.bytes()?.to_vec();
            Outcome::Encapsulated { ciphertext, secret: SecretBytes::from_slice(d.bytes()?) }
        }
        (9, 2) => Outcome::Rewrapped(d.decode()?),
        (ERROR, 2) => return Ok(Err(decode_error(d)?)),
        _ => return Err(WireError::Malformed),
    }))
}

/// Tag of errors, far from those of outcomes.
const ERROR: u8 = 100;

pub(super) fn encode_error(writer: &mut Writer<'_>, error: &BackendError) -> Written {
    let tag = match error {
        BackendError::Unsupported(_) => 1,
        BackendError::Unavailable(_) => 2,
        BackendError::DeadlineExceeded => 3,
        BackendError::Overloaded => 4,
        BackendError::Missing(_) => 5,
        BackendError::Rejected => 6,
        BackendError::InvalidInput(_) => 7,
        BackendError::Credentials(_) => 8,
        // No device behind a worker has holders.
        BackendError::Failed(_) | BackendError::Holders(_) => 9,
    };
    writer.array(2)?.u8(tag)?.str(why(error))?.ok()
}

pub(super) fn decode_error(d: &mut Decoder<'_>) -> Result<BackendError, WireError> {
    array(d, 2)?;
    let (tag, why) = (d.u8()?, d.str()?.to_owned());
    Ok(match tag {
        1 => BackendError::Unsupported(why),
        2 => BackendError::Unavailable(why),
        3 => BackendError::DeadlineExceeded,
        4 => BackendError::Overloaded,
        5 => BackendError::Missing(why),
        6 => BackendError::Rejected,
        7 => BackendError::InvalidInput(why),
        8 => BackendError::Credentials(why),
        9 => BackendError::Failed(why),
        _ => return Err(WireError::Malformed),
    })
}

pub(super) fn why(error: &BackendError) -> &str {
    match error {
        BackendError::Unsupported(why)
        | BackendError::Unavailable(why)
        | BackendError::Missing(why)
        | BackendError::InvalidInput(why)
        | BackendError::Credentials(why)
        | BackendError::Failed(why) => why,
        BackendError::DeadlineExceeded
        | BackendError::Overloaded
        | BackendError::Rejected
        | BackendError::Holders(_) => "",
    }
}
