//! The entries of the log.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use hufu_tlog::ORIGIN_LEN_MAX;
use minicbor::{Decode, Encode};

use crate::cbor;
use crate::error::LeafError;
use crate::event::Event;
use crate::reason::RevocationReason;

/// Longest leaf in bytes.
pub const LEAF_LEN_MAX: usize = 16 * 1024;

/// Most extensions of a leaf.
pub const EXTENSIONS_MAX: usize = 64;

const DOMAIN: &str = "hufu-leaf";
const VERSION: u64 = 1;
const NAME_LEN_MAX: usize = 64;

/// One event on the log: deterministic CBOR `["hufu-leaf", 1, {…}]`.
///
/// It holds no names, no signatures and no personal data; those stay behind the evidence hash.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Leaf {
    /// Origin of the log that it was made for.
    #[n(0)]
    pub origin: String,
    /// Number of the event among those of its key, from 0.
    #[n(1)]
    pub sequence: u64,
    /// Leaf hash (RFC 6962 §2.1) of the previous event of this key; nothing at sequence 0.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub previous: Option<[u8; 32]>,
    /// What happened.
    #[n(3)]
    pub event: Event,
    /// Which key it happened to. An audit head has none, a policy may have none.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub key_id: Option<[u8; 32]>,
    /// Name of the key's algorithm, such as `p256`.
    #[n(5)]
    pub algorithm: Option<String>,
    /// When it happened, in milliseconds since the Unix epoch.
    #[n(6)]
    pub at: u64,
    /// Not to be used before, in milliseconds since the Unix epoch.
    #[n(7)]
    pub not_before: Option<u64>,
    /// Not to be used after, in milliseconds since the Unix epoch.
    #[n(8)]
    pub not_after: Option<u64>,
    /// Why: always there in a revocation, at most `certificateHold` in a suspension.
    #[n(9)]
    pub reason: Option<RevocationReason>,
    /// Since when the key is claimed to be compromised, in milliseconds since the Unix epoch.
    #[n(10)]
    pub compromised_at: Option<u64>,
    /// Hash of the audit record that stands behind the event.
    #[cbor(n(11), with = "minicbor::bytes")]
    pub evidence: [u8; 32],
    /// What later versions add, by name.
    #[cbor(n(12), with = "extensions", has_nil)]
    pub extensions: BTreeMap<String, Vec<u8>>,
}

impl Leaf {
    /// Writes the leaf.
    ///
    /// # Errors
    /// [`LeafError`] if it is not one that [`Leaf::decode`] would take.
    pub fn encode(&self) -> Result<Vec<u8>, LeafError> {
        self.check()?;
        let bytes = cbor::encode_versioned(DOMAIN, VERSION, self);
        if bytes.len() > LEAF_LEN_MAX { Err(LeafError::TooLong) } else { Ok(bytes) }
    }

    /// Reads a leaf. Each leaf has one encoding; every other is refused.
    ///
    /// # Errors
    /// [`LeafError`] says what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > LEAF_LEN_MAX {
            return Err(LeafError::TooLong);
        }
        let leaf: Self = cbor::decode_versioned(DOMAIN, VERSION, bytes)?;
        leaf.check()?;
        Ok(leaf)
    }

    fn check(&self) -> Result<(), LeafError> {
        let algorithm = self.algorithm.as_deref();
        let names = self.extensions.len() <= EXTENSIONS_MAX && self.extensions.keys().all(|name| is_name(name));
        let checks = [
            (is_origin(&self.origin), LeafError::Origin),
            ((self.sequence == 0) == self.previous.is_none(), LeafError::Previous),
            (self.key_id_fits(), LeafError::KeyId),
            (algorithm.is_none_or(is_name), LeafError::Algorithm),
            (self.reason_fits(), LeafError::Reason),
            (self.compromised_at_fits(), LeafError::CompromisedAt),
            (names, LeafError::Extensions),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, error)| Err(error))
    }

    fn key_id_fits(&self) -> bool {
        match self.event {
            Event::AuditHead => self.key_id.is_none(),
            Event::Policy | Event::Unknown(_) => true,
            _ => self.key_id.is_some(),
        }
    }

    fn reason_fits(&self) -> bool {
        match self.event {
            Event::Revoke => self.reason.is_some_and(|reason| reason != RevocationReason::CertificateHold),
            Event::Suspend => self.reason.is_none_or(|reason| reason == RevocationReason::CertificateHold),
            Event::Unknown(_) => true,
            _ => self.reason.is_none(),
        }
    }

    fn compromised_at_fits(&self) -> bool {
        self.compromised_at.is_none() || matches!(self.event, Event::Revoke | Event::Unknown(_))
    }
}

fn is_origin(text: &str) -> bool {
    !text.is_empty() && text.len() <= ORIGIN_LEN_MAX && !text.chars().any(char::is_control)
}

fn is_name(text: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The extension map: left out when empty, its keys in the order of their encodings (RFC 8949 §4.2.1),
/// which for text is by length first.
mod extensions {
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use alloc::vec::Vec;

    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use super::EXTENSIONS_MAX;

    pub(super) fn encode<C, W: Write>(
        map: &BTreeMap<String, Vec<u8>>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let mut sorted: Vec<_> = map.iter().collect();
        sorted.sort_by_key(|(name, _)| name.len());
        e.map(u64::try_from(sorted.len()).unwrap_or(u64::MAX))?;
        for (name, value) in sorted {
            e.str(name)?.bytes(value)?;
        }
        Ok(())
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<BTreeMap<String, Vec<u8>>, DecodeError> {
        let mut map = BTreeMap::new();
        let length = d.map()?.and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= EXTENSIONS_MAX);
        for _ in 0..length.ok_or_else(|| DecodeError::message("too many extensions"))? {
            map.insert(d.str()?.into(), d.bytes()?.into());
        }
        Ok(map)
    }

    pub(super) fn is_nil(map: &BTreeMap<String, Vec<u8>>) -> bool {
        map.is_empty()
    }

    pub(super) fn nil() -> Option<BTreeMap<String, Vec<u8>>> {
        Some(BTreeMap::new())
    }
}
