//! Holders of shares on the wire.

use hufu_core::{Error, Reason};
use hufu_engine::api::{GenerationMessage, GenerationMessages, HeldShare, HolderView};
use hufu_proto::v1;

use super::{invalid, missing, too_large};

/// Longest mandate, in bytes.
const MANDATE_LEN_MAX: usize = 4 << 10;
/// Most messages of a generation in one call.
const MESSAGES_MAX: usize = 256;
/// Longest message of a generation, in bytes.
const SIGNED_LEN_MAX: usize = 8 << 10;
/// Longest signing package, in bytes: a message of 64 KiB, and 64 signers.
const PACKAGE_LEN_MAX: usize = 72 << 10;

/// Who a holder is.
#[must_use]
pub fn holder(view: HolderView) -> v1::Holder {
    let HolderView { name, deployment, roster, simulated } = view;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    v1::Holder { name, deployment, roster: roster.to_vec(), version, simulated }
}

/// A share that a holder has.
#[must_use]
pub fn share(share: HeldShare) -> v1::HolderShare {
    let HeldShare { key_version, group, number } = share;
    v1::HolderShare { key_version, group, number: number.into() }
}

/// What a holder sends.
#[must_use]
pub fn messages(sent: GenerationMessages) -> v1::GenerationMessages {
    let message = |one: GenerationMessage| v1::GenerationMessage {
        from: one.from.into(),
        to: one.to.into(),
        round: one.round.into(),
        signed: one.signed,
    };
    v1::GenerationMessages {
        generation: sent.generation.to_vec(),
        messages: sent.messages.into_iter().map(message).collect(),
    }
}

/// Reads what holders sent.
///
/// # Errors
/// The field at fault: missing, malformed or too long.
pub fn read_messages(sent: Vec<v1::GenerationMessage>, field: &'static str) -> Result<Vec<GenerationMessage>, Error> {
    if sent.is_empty() {
        return Err(missing(field));
    }
    if sent.len() > MESSAGES_MAX {
        return Err(Error::new(Reason::TooLarge, format!("at most {MESSAGES_MAX} at once")).field(field));
    }
    sent.into_iter().map(|message| read_message(message, field)).collect()
}

fn read_message(message: v1::GenerationMessage, field: &'static str) -> Result<GenerationMessage, Error> {
    let v1::GenerationMessage { from, to, round, signed } = message;
    let small = |number: u32| {
        u8::try_from(number).map_err(|_| invalid(field, "holders have the numbers 1 to 64, rounds 1 to 4"))
    };
    if signed.len() > SIGNED_LEN_MAX {
        return Err(too_large(field, "any message of holders"));
    }
    Ok(GenerationMessage { from: small(from)?, to: small(to)?, round: small(round)?, signed })
}

/// Reads the id of a generation, or a digest.
///
/// # Errors
/// `MISSING_FIELD`, `INVALID_ARGUMENT` when it has not 32 bytes.
pub fn read_32(bytes: &[u8], field: &'static str) -> Result<[u8; 32], Error> {
    if bytes.is_empty() {
        return Err(missing(field));
    }
    bytes.try_into().map_err(|_| invalid(field, "it has 32 bytes"))
}

/// Reads a mandate to generate, or a request for a commitment.
///
/// # Errors
/// `MISSING_FIELD`, `TOO_LARGE`.
pub fn read_mandate<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a [u8], Error> {
    bounded(bytes, MANDATE_LEN_MAX, field)
}

/// Reads a signing package.
///
/// # Errors
/// As of [`read_mandate`].
pub fn read_package<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a [u8], Error> {
    bounded(bytes, PACKAGE_LEN_MAX, field)
}

fn bounded<'a>(bytes: &'a [u8], max: usize, field: &'static str) -> Result<&'a [u8], Error> {
    if bytes.is_empty() {
        return Err(missing(field));
    }
    if bytes.len() > max { Err(too_large(field, "any that holders take")) } else { Ok(bytes) }
}
