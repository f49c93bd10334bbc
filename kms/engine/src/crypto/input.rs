//! Limits and forms of what callers send, and how the audit trail remembers it.

use aws_lc_rs::hmac;
use hufu_core::algorithm::Scheme;
use hufu_core::backend::SignInput;
use hufu_core::record::VersionRecord;
use hufu_core::{Error, Reason};

use crate::api::{AAD_LEN_MAX, Input, MESSAGE_LEN_MAX};

impl Input {
    /// As a backend takes it, once the key allows it.
    pub(super) fn checked<'a>(&'a self, version: &VersionRecord) -> Result<SignInput<'a>, Error> {
        match self {
            Self::Message(message) => {
                check_len("message", message.len(), MESSAGE_LEN_MAX)?;
                Ok(SignInput::Message(message))
            }
            Self::Digest(digest) => {
                check_digest(version, digest)?;
                Ok(SignInput::Digest(digest))
            }
        }
    }

    /// HMAC of the input under the tenant's audit key: who has the input can find the record, nobody else learns of it.
    pub(super) fn mac(&self, key: &hmac::Key) -> [u8; 32] {
        match self {
            Self::Message(message) => input_mac(key, b"message", message),
            Self::Digest(digest) => input_mac(key, b"digest", digest),
        }
    }
}

pub(super) fn input_mac(key: &hmac::Key, kind: &[u8], input: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"hufu-audit-input-v1\0");
    context.update(kind);
    context.update(b"\0");
    context.update(input);
    let tag = context.sign();
    let mut mac = [0; 32];
    mac.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    mac
}

pub(super) fn check_len(field: &'static str, len: usize, max: usize) -> Result<(), Error> {
    if len <= max {
        return Ok(());
    }
    Err(Error::new(Reason::TooLarge, format!("at most {max} bytes, and there are {len}")).field(field))
}

pub(super) fn check_aad(aad: &[u8]) -> Result<(), Error> {
    check_len("additional_data", aad.len(), AAD_LEN_MAX)
}

fn check_digest(version: &VersionRecord, digest: &[u8]) -> Result<(), Error> {
    if !version.digest_allowed {
        return Err(Error::new(Reason::DigestNotAllowed, "the key signs messages, not digests")
            .field("digest")
            .help("send the message, or create a key that allows digests"));
    }
    match Scheme::digest_len(version.scheme) {
        Some(len) if len == digest.len() => Ok(()),
        Some(len) => Err(Error::new(
            Reason::InvalidArgument,
            format!("a digest for {} has {len} bytes, and there are {}", version.scheme, digest.len()),
        )
        .field("digest")),
        None => {
            Err(Error::new(Reason::DigestNotAllowed, format!("{} does not sign digests", version.scheme))
                .field("digest"))
        }
    }
}
