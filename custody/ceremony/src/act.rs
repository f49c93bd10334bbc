//! What a ceremony does: one variant a kind, each with exactly what it needs.

use std::collections::{BTreeMap, BTreeSet};

use hufu_custodian::{Name, RosterHash};
use minicbor::{Decode, Encode};
use serde::Deserialize;

use crate::text::{self, Ident, Text};
use crate::{Fingerprint, Kind, PolicyHash, SetId, hash};

/// Most shares of a set, and so the highest index.
pub const SHARES_MAX: u32 = 64;
/// Most claims that evidence is demanded of.
const CLAIMS_MAX: usize = 32;

/// What a ceremony does.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    // 1 and 2 are never used again: a root's beginning and the opening of a sealed server, which nobody could propose.
    /// Gives a key a new version.
    #[n(3)]
    RotateKey(#[n(0)] KeyVersion),
    /// Gives a tenant a new wrapping key, and wraps its keys anew.
    #[n(4)]
    RotateTenantKey(#[n(0)] TenantKey),
    /// Gives a root slot a new root key, and wraps the tenants' keys anew; or, where custodians hold the root together, makes a new
    /// master key and deals it among those who are named.
    #[n(5)]
    RotateRoot(#[n(0)] RootKey),
    /// Gives each key with a label a new version.
    #[n(6)]
    RotateLabel(#[n(0)] Labelled),
    /// Gives each custodian of a set a new share of the same secret.
    #[n(7)]
    Refresh(#[n(0)] Refresh),
    /// Shares a set's secret anew, with another threshold or among other people.
    #[n(8)]
    Reshare(#[n(0)] Reshare),
    /// Puts a key together that was lost, inside a target.
    #[n(9)]
    Recovery(#[n(0)] Recovery),
    /// Takes a key in that was made elsewhere.
    #[n(10)]
    Import(#[n(0)] Import),
    /// Destroys a version of a key.
    #[n(11)]
    Destruction(#[n(0)] Destruction),
    /// Replaces the policy of ceremonies.
    #[n(12)]
    PolicyChange(#[n(0)] PolicyChange),
    /// Replaces the roster.
    #[n(13)]
    RosterChange(#[n(0)] RosterChange),
    /// Rehearses a recovery on the real shares: the target compares the key with its public key, and throws it away.
    #[n(14)]
    Drill(#[n(0)] Recovery),
}

/// A root key that is made: in the slot's HSM, or split among custodians.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct RootKey {
    /// The root slot.
    #[n(0)]
    pub slot: Ident,
    /// Who will hold it; nobody when it is made in an HSM.
    #[n(1)]
    pub shares: Option<Sharing>,
    /// So many custodians confirm their new shares before the old ones die; all when nothing. Only where there are old ones.
    #[n(2)]
    pub confirmations: Option<u32>,
}

/// How a secret is split.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Sharing {
    /// So many shares open it; fewer tell nothing.
    #[n(0)]
    pub threshold: u32,
    /// Who gets a share each, in the order of their indices from 1.
    #[n(1)]
    #[serde(deserialize_with = "text::names")]
    pub custodians: Vec<Name>,
}

/// A set of shares at one time of its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct ShareSet {
    /// The set.
    #[n(0)]
    pub set: SetId,
    /// Its epoch, which each refresh and each reshare raises.
    #[n(1)]
    pub epoch: u32,
    /// SHA-256 of its manifest in this epoch: of what, among whom, how many open it, and what the dealer committed to.
    #[n(2)]
    pub manifest: Fingerprint,
}

/// Where shares are opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// An import inside an HSM.
    #[n(1)]
    Hsm,
    /// A trusted execution environment.
    #[n(2)]
    Tee,
    /// A locked process that is wiped; nothing attests it.
    #[n(3)]
    Process,
}

/// Whom the shares are sealed to, and what it must prove before (RFC 9334: claims, held against reference values).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What it is.
    #[n(0)]
    pub kind: TargetKind,
    /// Fingerprint of the key that the shares are sealed to.
    #[n(1)]
    pub sealing_key: Fingerprint,
    /// The claims that its evidence must make, and their values.
    #[n(2)]
    #[serde(default, deserialize_with = "text::by_name")]
    pub evidence: BTreeMap<Name, Text>,
}

/// A version of a key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct KeyVersion {
    /// The key's resource name.
    #[n(0)]
    pub key: Ident,
    /// The version; for a rotation the one that is replaced.
    #[n(1)]
    pub version: u32,
}

/// A tenant's wrapping key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct TenantKey {
    /// The tenant's resource name.
    #[n(0)]
    pub tenant: Ident,
    /// The version of its wrapping key that is replaced.
    #[n(1)]
    pub version: u32,
}

/// All keys with a label.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// The tenant's resource name.
    #[n(0)]
    pub tenant: Ident,
    /// The label's name.
    #[n(1)]
    pub label: Ident,
    /// The label's value.
    #[n(2)]
    pub value: Ident,
    /// More keys than that are not what was approved: nothing is done then.
    #[n(3)]
    pub keys_max: u32,
}

/// A set whose custodians get new shares.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The resource name of what the shares are of, as their manifest has it: a version of a key, or a deposit.
    #[n(3)]
    pub subject: Ident,
    /// The shares that there are.
    #[n(0)]
    pub shares: ShareSet,
    /// Where the secret is put together, and dealt out again.
    #[n(1)]
    pub target: Target,
    /// So many custodians confirm their new shares before the old ones die; all when nothing.
    #[n(2)]
    pub confirmations: Option<u32>,
}

/// A set, shared anew.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Reshare {
    /// The resource name of what the shares are of, as their manifest has it: a version of a key, or a deposit.
    #[n(4)]
    pub subject: Ident,
    /// The shares that there are.
    #[n(0)]
    pub from: ShareSet,
    /// Those that there will be.
    #[n(1)]
    pub to: Sharing,
    /// Where the secret is put together, and dealt out again.
    #[n(2)]
    pub target: Target,
    /// So many custodians confirm their new shares before the old ones die; all when nothing.
    #[n(3)]
    pub confirmations: Option<u32>,
}

/// A key, put together from its shares.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The key's resource name.
    #[n(0)]
    pub key: Ident,
    /// The version.
    #[n(1)]
    pub version: u32,
    /// Fingerprint of its public key, which the target compares; nothing for a secret key, which is compared with what its dealer
    /// committed to.
    #[n(2)]
    pub public_key: Option<Fingerprint>,
    /// Its shares.
    #[n(3)]
    pub shares: ShareSet,
    /// Where it is put together.
    #[n(4)]
    pub target: Target,
}

/// A key that was made elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The resource name that the key will have.
    #[n(0)]
    pub key: Ident,
    /// Its algorithm.
    #[n(1)]
    pub algorithm: Ident,
    /// How it will be protected.
    #[n(2)]
    pub protection: Ident,
    /// Fingerprint of its public key; nothing for a symmetric key.
    #[n(3)]
    pub public_key: Option<Fingerprint>,
}

/// A version of a key that will be no more.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Destruction {
    /// The key's resource name.
    #[n(0)]
    pub key: Ident,
    /// The version.
    #[n(1)]
    pub version: u32,
    /// Fingerprint of its public key; nothing for a symmetric key.
    #[n(2)]
    pub public_key: Option<Fingerprint>,
}

/// The policy that comes next.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// Its hash.
    #[n(0)]
    pub next: PolicyHash,
}

/// The roster that comes next.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct RosterChange {
    /// Its hash.
    #[n(0)]
    #[serde(deserialize_with = "hash::roster_hash")]
    pub next: RosterHash,
}

impl Act {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::RotateKey(_) => Kind::RotateKey,
            Self::RotateTenantKey(_) => Kind::RotateTenantKey,
            Self::RotateRoot(_) => Kind::RotateRoot,
            Self::RotateLabel(_) => Kind::RotateLabel,
            Self::Refresh(_) => Kind::Refresh,
            Self::Reshare(_) => Kind::Reshare,
            Self::Recovery(_) => Kind::Recovery,
            Self::Import(_) => Kind::Import,
            Self::Destruction(_) => Kind::Destruction,
            Self::PolicyChange(_) => Kind::PolicyChange,
            Self::RosterChange(_) => Kind::RosterChange,
            Self::Drill(_) => Kind::Drill,
        }
    }

    /// The shares that custodians bring.
    #[must_use]
    pub fn shares(&self) -> Option<ShareSet> {
        match self {
            Self::Refresh(act) => Some(act.shares),
            Self::Reshare(act) => Some(act.from),
            Self::Recovery(act) | Self::Drill(act) => Some(act.shares),
            _ => None,
        }
    }

    /// Whom the shares are sealed to.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Refresh(act) => Some(&act.target),
            Self::Reshare(act) => Some(&act.target),
            Self::Recovery(act) | Self::Drill(act) => Some(&act.target),
            _ => None,
        }
    }

    /// How a secret will be split.
    #[must_use]
    pub fn sharing(&self) -> Option<&Sharing> {
        match self {
            Self::RotateRoot(act) => act.shares.as_ref(),
            Self::Reshare(act) => Some(&act.to),
            _ => None,
        }
    }

    /// Whether whoever goes through it gets a secret, or enough shares to have it: as its kind says ([`Kind::opens_secrets`]), and a
    /// root's rotation when it deals shares of the next one, which opens all that is under the root. Its request must be in the ledger
    /// before anyone approves, whatever the policy says: nobody gets at a key without the world being able to see that it was asked for.
    #[must_use]
    pub fn opens_secrets(&self) -> bool {
        self.kind().opens_secrets() || matches!(self, Self::RotateRoot(RootKey { shares: Some(_), .. }))
    }

    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        self.sharing().map_or(Ok(()), Sharing::check)?;
        self.target().map_or(Ok(()), Target::check)?;
        let version = match self {
            Self::RotateKey(act) => act.version,
            Self::RotateTenantKey(act) => act.version,
            Self::Recovery(act) | Self::Drill(act) => act.version,
            Self::Destruction(act) => act.version,
            Self::RotateLabel(act) if act.keys_max == 0 => return Err("`keys_max` is at least 1"),
            Self::RotateRoot(RootKey { shares: None, confirmations: Some(_), .. }) => {
                return Err("`confirmations` are of new shares: there are none without a table `shares`");
            }
            _ => 1,
        };
        if version == 0 { Err("versions begin at 1") } else { Ok(()) }
    }
}

impl Sharing {
    fn check(&self) -> Result<(), &'static str> {
        let count = u32::try_from(self.custodians.len()).unwrap_or(u32::MAX);
        if self.threshold == 0 || self.threshold > count || count > SHARES_MAX {
            return Err(
                "the threshold is at least 1 and at most the number of custodians, of which there are at most 64",
            );
        }
        let distinct: BTreeSet<&Name> = self.custodians.iter().collect();
        if distinct.len() == self.custodians.len() { Ok(()) } else { Err("a custodian is to get two shares") }
    }
}

impl Target {
    fn check(&self) -> Result<(), &'static str> {
        if self.evidence.len() > CLAIMS_MAX {
            return Err("there are more than 32 claims for the evidence");
        }
        let unattested = self.evidence.is_empty() && self.kind != TargetKind::Process;
        if unattested { Err("an hsm or tee must give evidence: name at least one claim") } else { Ok(()) }
    }
}
