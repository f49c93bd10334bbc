//! What is recorded of every decision and effect.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::algorithm::Scheme;
use crate::policy::Action;
use crate::record::Protection;

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum AuditOutcome {
    /// Allowed and done.
    #[n(0)]
    Done,
    /// Refused, for this documented reason.
    #[n(1)]
    Refused(#[n(0)] String),
    /// Allowed and attempted; it failed for this documented reason.
    #[n(2)]
    Failed(#[n(0)] String),
}

/// One audit record. Never the input, never the output.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct AuditEntry {
    /// When it was decided.
    #[n(0)]
    pub at: u64,
    /// Who: `tenants/T/principals/P`, or `system` for the service itself.
    #[cbor(n(1), with = "arc_str")]
    pub principal: Arc<str>,
    /// What.
    #[n(2)]
    pub action: Action,
    /// On which resource.
    #[cbor(n(3), with = "arc_str")]
    pub resource: Arc<str>,
    /// How it ended.
    #[n(4)]
    pub outcome: AuditOutcome,
    /// With which scheme.
    #[n(5)]
    pub scheme: Option<Scheme>,
    /// HMAC-SHA-256 of the input under the tenant's audit key, one for each input of a batch, concatenated.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub input_mac: Option<Vec<u8>>,
    /// Policies that decided.
    #[cbor(n(7), with = "arc_strs")]
    pub policies: Arc<[Arc<str>]>,
    /// Whether a simulated backend was at work.
    #[n(8)]
    pub simulated: bool,
    /// What else must be known: reason of a revocation, number of a batch, what was found. Never a secret.
    #[n(9)]
    pub detail: Option<String>,
    /// The protection of the key that was used or changed.
    #[n(10)]
    pub protection: Option<Protection>,
    /// Random, where the record's hash is shown to those who may not see the record: a guess cannot be confirmed.
    #[cbor(n(11), with = "minicbor::bytes")]
    pub salt: Option<[u8; 16]>,
}

impl AuditEntry {
    /// A record of something that was done; the builder methods add what else is known.
    #[must_use]
    pub fn done(at: u64, principal: Arc<str>, action: Action, resource: impl Into<Arc<str>>) -> Self {
        Self {
            at,
            principal,
            action,
            resource: resource.into(),
            outcome: AuditOutcome::Done,
            scheme: None,
            input_mac: None,
            policies: Arc::new([]),
            simulated: false,
            detail: None,
            protection: None,
            salt: None,
        }
    }

    /// The name under which the service itself is recorded.
    #[must_use]
    pub fn system() -> Arc<str> {
        crate::name::SYSTEM_TENANT.into()
    }
}

mod arc_str {
    //! `Arc<str>` as a CBOR text string.

    use std::sync::Arc;

    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(super) fn encode<C, W: Write>(
        text: &Arc<str>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(text)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Arc<str>, DecodeError> {
        d.str().map(Into::into)
    }
}

mod arc_strs {
    //! `Arc<[Arc<str>]>` as a CBOR array of text strings.

    use std::sync::Arc;

    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(super) fn encode<C, W: Write>(
        texts: &Arc<[Arc<str>]>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(texts.len() as u64)?;
        for text in texts.iter() {
            e.str(text)?;
        }
        Ok(())
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Arc<[Arc<str>]>, DecodeError> {
        let count = d.array()?.ok_or_else(|| DecodeError::message("indefinite array"))?;
        (0..count).map(|_| d.str().map(Into::into)).collect()
    }
}
