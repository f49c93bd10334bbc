//! The request: one reviewed file, and the bytes that everyone signs.

use hufu_custodian::{Name, RosterHash, STATEMENT_LEN_MAX};
use minicbor::{Decode, Encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::canonical::Format;
use crate::text::{self, Ident, Text, escaped};
use crate::{Act, PolicyHash, Refusal, RequestDigest, hash, time};

/// Longest file of a request or policy in bytes.
pub const FILE_LEN_MAX: usize = 64 << 10;
/// The version of the file's format.
const FORMAT: u32 = 1;

const REQUEST: Format = Format { what: "a request", domain: "hufu-ceremony-request", len_max: STATEMENT_LEN_MAX };

/// What is asked for. The proposer signs its bytes, approvers its digest; both are the same for the same file.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Request {
    /// The deployment: the origin of its log.
    #[n(0)]
    pub deployment: Ident,
    /// The deployment's number for this ceremony, so that the same act can be asked for again by another request.
    #[n(1)]
    pub number: u64,
    /// What it is, in a few words.
    #[n(2)]
    pub title: Text,
    /// Why.
    #[n(3)]
    pub reason: Text,
    /// Who asks.
    #[n(4)]
    pub proposer: Name,
    /// Who may approve, and what they sign with.
    #[n(5)]
    pub roster: RosterHash,
    /// How many of them it takes.
    #[n(6)]
    pub policy: PolicyHash,
    /// Nothing is done before: milliseconds since 1970.
    #[n(7)]
    pub not_before_ms: u64,
    /// Nothing is begun from then on: milliseconds since 1970.
    #[n(8)]
    pub expires_at_ms: u64,
    /// What is asked for beyond the policy.
    #[n(9)]
    pub more: More,
    /// What is done.
    #[n(10)]
    pub act: Act,
}

/// What a request asks for beyond the policy. Less than the policy has is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct More {
    /// So many people approve.
    #[n(0)]
    pub approvals: Option<u32>,
    /// They are of so many organisations.
    #[n(1)]
    pub organisations: Option<u32>,
    /// Between quorum and beginning, in seconds.
    #[n(2)]
    pub delay_s: Option<u32>,
    /// So many shares are brought.
    #[n(3)]
    pub shares: Option<u32>,
}

/// The file, in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    deployment: Ident,
    number: u64,
    title: Text,
    reason: Text,
    #[serde(deserialize_with = "text::name")]
    proposer: Name,
    #[serde(deserialize_with = "hash::roster_hash")]
    roster: RosterHash,
    policy: PolicyHash,
    #[serde(deserialize_with = "time::from_file")]
    not_before: u64,
    #[serde(deserialize_with = "time::from_file")]
    expires_at: u64,
    #[serde(default)]
    more: More,
    act: Act,
}

impl Request {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`]; [`Refusal::Malformed`] for what is not exactly a request: unknown fields are refused.
    pub fn from_toml(file: &str) -> Result<Self, Refusal> {
        let file: File = read_file("a request", file)?;
        if file.format != FORMAT {
            return Err(Refusal::malformed("a request", format!("`format` is {FORMAT} in this release")));
        }
        Self {
            deployment: file.deployment,
            number: file.number,
            title: file.title,
            reason: file.reason,
            proposer: file.proposer,
            roster: file.roster,
            policy: file.policy,
            not_before_ms: file.not_before,
            expires_at_ms: file.expires_at,
            more: file.more,
            act: file.act,
        }
        .checked()
    }

    /// Its canonical bytes, which the proposer signs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        REQUEST.write(self)
    }

    /// Reads what [`Request::to_bytes`] wrote.
    ///
    /// # Errors
    /// As [`Request::from_toml`], and [`Refusal::Codec`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        REQUEST.read::<Self>(bytes)?.checked()
    }

    /// What approvers compare and sign.
    #[must_use]
    pub fn digest(&self) -> RequestDigest {
        RequestDigest(Sha256::digest(self.to_bytes()).into())
    }

    fn checked(self) -> Result<Self, Refusal> {
        let refused = |why| Err(Refusal::malformed("a request", why));
        if self.number == 0 {
            return refused("numbers of ceremonies begin at 1");
        }
        if self.not_before_ms >= self.expires_at_ms {
            return refused("it expires before its time begins");
        }
        if let Err(why) = self.act.check() {
            return refused(why);
        }
        if self.to_bytes().len() > REQUEST.len_max {
            return Err(Refusal::TooLarge { what: REQUEST.what, max: REQUEST.len_max });
        }
        Ok(self)
    }
}

/// Reads a file whose form `T` is.
pub(crate) fn read_file<T: serde::de::DeserializeOwned>(what: &'static str, file: &str) -> Result<T, Refusal> {
    if file.len() > FILE_LEN_MAX {
        return Err(Refusal::TooLarge { what, max: FILE_LEN_MAX });
    }
    toml::from_str(file).map_err(|error| {
        let before = error.span().and_then(|span| file.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        Refusal::malformed(what, format!("line {line}: {}", escaped(error.message())))
    })
}
