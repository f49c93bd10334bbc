//! The policy of ceremonies: for each kind that is allowed, what it takes.

mod around;

use std::collections::BTreeMap;

use hufu_custodian::Name;
use minicbor::{Decode, Encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::act::SHARES_MAX;
use crate::canonical::Format;
use crate::request::read_file;
use crate::text::{self, Ident};
use crate::{Kind, More, PolicyHash, Refusal, Request, ShareUse};

/// Most approvals of a ceremony.
pub const APPROVALS_MAX: u32 = 64;
/// Longest delay and longest life of a ceremony in seconds: a year.
const SECONDS_MAX: u32 = 366 * 24 * 3600;
/// Most roles in a rule.
const ROLES_MAX: usize = 16;
/// The version of the file's format.
const FORMAT: u32 = 1;

const POLICY: Format = Format { what: "a policy", domain: "hufu-ceremony-policy", len_max: 64 << 10 };

/// The policy of a deployment. A kind without a rule cannot be proposed. Three things are no matter of policy: whoever
/// proposes does not approve, one person fills one place, and what opens secrets ([`crate::Act::opens_secrets`]) is logged first and can be vetoed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CeremonyPolicy {
    /// The deployment: the origin of its log.
    #[n(0)]
    pub deployment: Ident,
    /// 1 for the first; for people.
    #[n(1)]
    pub number: u32,
    /// What each kind takes.
    #[n(2)]
    pub rules: BTreeMap<Kind, Rule>,
}

/// What a kind of ceremony takes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// So many people approve, 1 to 64; the proposer is not one of them.
    #[n(0)]
    pub approvals: u32,
    /// They are of so many organisations.
    #[n(1)]
    pub organisations: u32,
    /// So many of them have these roles. Whoever has several fills one place.
    #[n(2)]
    #[serde(default, deserialize_with = "text::by_name")]
    pub roles: BTreeMap<Name, u32>,
    /// Only who has this role proposes; without it everyone in the roster.
    #[n(3)]
    #[serde(default, deserialize_with = "text::name_if_any")]
    pub propose: Option<Name>,
    /// Who has this role may veto; without it nobody.
    #[n(4)]
    #[serde(default, deserialize_with = "text::name_if_any")]
    pub veto: Option<Name>,
    /// Who has this role may cancel, as the proposer may.
    #[n(5)]
    #[serde(default, deserialize_with = "text::name_if_any")]
    pub cancel: Option<Name>,
    /// From the quorum to the beginning, in seconds.
    #[n(6)]
    #[serde(default)]
    pub delay_s: u32,
    /// A request expires at most so many seconds after it was proposed.
    #[n(7)]
    pub lifetime_max_s: u32,
    /// So many custodians bring shares.
    #[n(8)]
    #[serde(default)]
    pub shares: u32,
    /// Whether the request is in the ledger before anyone approves.
    #[n(9)]
    #[serde(default)]
    pub logged_first: bool,
    /// Whether nobody does it in another way, whatever a caller's role allows.
    #[cbor(n(10), default)]
    #[serde(default)]
    pub only: bool,
}

/// The file, in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    deployment: Ident,
    number: u32,
    #[serde(default)]
    rules: BTreeMap<Kind, Rule>,
}

impl CeremonyPolicy {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`]; [`Refusal::Malformed`] for what is not exactly a policy, or could not be followed.
    pub fn from_toml(file: &str) -> Result<Self, Refusal> {
        let file: File = read_file("a policy", file)?;
        if file.format != FORMAT {
            return Err(Refusal::malformed("a policy", format!("`format` is {FORMAT} in this release")));
        }
        Self { deployment: file.deployment, number: file.number, rules: file.rules }.checked()
    }

    /// Its canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        POLICY.write(self)
    }

    /// Reads what [`CeremonyPolicy::to_bytes`] wrote.
    ///
    /// # Errors
    /// As [`CeremonyPolicy::from_toml`], and [`Refusal::Codec`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        POLICY.read::<Self>(bytes)?.checked()
    }

    /// What requests are bound to.
    #[must_use]
    pub fn hash(&self) -> PolicyHash {
        PolicyHash(Sha256::digest(self.to_bytes()).into())
    }

    /// What a request takes: the policy's rule, raised by what the request asks for beyond it. Where the act opens a secret and its kind
    /// does not always ([`crate::Act::opens_secrets`]), it takes what a recovery takes, too.
    ///
    /// # Errors
    /// [`Refusal::NoRule`]; [`Refusal::HeldToRecovery`]; [`Refusal::WeakerThanPolicy`] when it asks for less.
    pub fn terms(&self, request: &Request) -> Result<Rule, Refusal> {
        let kind = request.act.kind();
        let mut rule = self.rule_for(&request.act)?;
        let More { approvals, organisations, delay_s, shares } = request.more;
        for (what, asked, has) in [
            ("approvals", approvals, &mut rule.approvals),
            ("organisations", organisations, &mut rule.organisations),
            ("seconds of delay", delay_s, &mut rule.delay_s),
            ("shares", shares, &mut rule.shares),
        ] {
            let asked = asked.unwrap_or(*has);
            if asked < *has {
                return Err(Refusal::WeakerThanPolicy { what, asked, needed: *has });
            }
            *has = asked;
        }
        rule.logged_first |= request.act.opens_secrets();
        rule.check(kind).map_err(|why| Refusal::malformed("what the request asks for beyond the policy", why))?;
        Ok(rule)
    }

    fn checked(self) -> Result<Self, Refusal> {
        if self.number == 0 {
            return Err(Refusal::malformed("a policy", "numbers of policies begin at 1"));
        }
        for (kind, rule) in &self.rules {
            rule.check(*kind).map_err(|why| Refusal::malformed("a policy", format!("`{kind}`: {why}")))?;
        }
        self.check_ways_around()?;
        Ok(self)
    }
}

impl Rule {
    /// What is wrong with it, or could not be followed.
    fn check(&self, kind: Kind) -> Result<(), &'static str> {
        self.check_quorum()?;
        if self.delay_s > SECONDS_MAX || self.lifetime_max_s > SECONDS_MAX || self.lifetime_max_s <= self.delay_s {
            return Err("`lifetime_max_s` is longer than `delay_s`, and neither is longer than a year");
        }
        if self.delay_s > 0 && self.veto.is_none() {
            return Err("a delay is the time for a veto: name the role in `veto`");
        }
        if kind.opens_secrets() && self.delay_s == 0 {
            return Err("what brings shares together outside their holders has a delay");
        }
        if self.only && !kind.is_done_otherwise() {
            return Err("`only` is for what callers could do alone: this kind is never done in another way");
        }
        match kind.share_use() {
            ShareUse::None if self.shares != 0 => Err("this kind has no use for shares"),
            ShareUse::Needed if self.shares == 0 => Err("`shares` says how many custodians bring one"),
            _ if self.shares > SHARES_MAX => Err("there are at most 64 shares"),
            _ => Ok(()),
        }
    }

    fn check_quorum(&self) -> Result<(), &'static str> {
        if self.approvals == 0 || self.approvals > APPROVALS_MAX {
            return Err("there are 1 to 64 approvals");
        }
        if self.organisations == 0 || self.organisations > self.approvals {
            return Err("there are at least 1 and at most as many organisations as approvals");
        }
        let places = self.roles.values().fold(0u32, |sum, count| sum.saturating_add(*count));
        if self.roles.len() > ROLES_MAX || self.roles.values().any(|count| *count == 0) || places > self.approvals {
            return Err("a role is for at least 1, and all roles together for at most as many as approve");
        }
        Ok(())
    }
}
