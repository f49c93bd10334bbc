//! What requests ask for, in the words of the engine; and which of it this release does.

use hufu_ceremony::{Act, Ceremony, CeremonyPolicy, Fingerprint, Ident, Refusal, TargetKind};
use hufu_core::name::{DepositName, KeyName, TenantId, VersionName, VersionNumber, parse_tenant_name};
use hufu_core::record::CeremonyFile;
use hufu_core::{Error, Reason};
use hufu_custodian::Roster;
use sha2::{Digest as _, Sha256};

use super::deposit::deposit_of;
use super::files::{policy_file, public_key_file, roster_file};
use super::refusal::{malformed, refused};

/// Keys that one ceremony rotates at most: each is a step, and steps are bounded.
pub(super) const LABELLED_MAX: u32 = 250;

/// Refuses what this release does not do.
pub(super) fn check_act(act: &Act) -> Result<(), Error> {
    match act {
        Act::RotateKey(_)
        | Act::RotateTenantKey(_)
        | Act::Destruction(_)
        | Act::Import(_)
        | Act::RotateRoot(_)
        | Act::PolicyChange(_)
        | Act::RosterChange(_) => Ok(()),
        Act::Recovery(_) | Act::Drill(_) | Act::Refresh(_) | Act::Reshare(_)
            if act.target().is_some_and(|target| target.kind != TargetKind::Tee) =>
        {
            Ok(())
        }
        Act::RotateLabel(act) if act.keys_max <= LABELLED_MAX => Ok(()),
        Act::RotateLabel(_) => {
            let message = format!("a ceremony rotates at most {LABELLED_MAX} keys");
            Err(Error::new(Reason::InvalidArgument, message).field("proposal"))
        }
        Act::Recovery(_) | Act::Drill(_) | Act::Refresh(_) | Act::Reshare(_) => {
            let why = "this release has no target in a trusted execution environment";
            Err(Error::new(Reason::UnsupportedByBackend, why).field("proposal"))
        }
    }
}

/// The tenant that an act is about; nothing when it is about the deployment.
pub(super) fn tenant_of(act: &Act) -> Result<Option<TenantId>, Error> {
    Ok(match act {
        Act::RotateKey(act) => Some(key_name(&act.key)?.tenant),
        Act::Destruction(act) if let Ok(deposit) = act.key.as_str().parse::<DepositName>() => Some(deposit.tenant),
        Act::Destruction(act) => Some(key_name(&act.key)?.tenant),
        Act::Recovery(act) if let Some(deposit) = deposit_of(act) => Some(deposit.tenant),
        Act::Recovery(act) | Act::Drill(act) => Some(key_name(&act.key)?.tenant),
        Act::Import(act) => Some(key_name(&act.key)?.tenant),
        Act::RotateTenantKey(act) => Some(tenant_name(&act.tenant)?),
        Act::RotateLabel(act) => Some(tenant_name(&act.tenant)?),
        _ => None,
    })
}

pub(super) fn tenant_name(name: &Ident) -> Result<TenantId, Error> {
    parse_tenant_name(name.as_str())
}

pub(super) fn key_name(name: &Ident) -> Result<KeyName, Error> {
    name.as_str().parse()
}

pub(super) fn version_name(key: &Ident, version: u32) -> Result<VersionName, Error> {
    Ok(key_name(key)?.version(VersionNumber::new(version)?))
}

/// What comes beside a request that names it by its hash: the policy or roster of a change, the public key of a key that comes in.
pub(super) enum Next {
    Nothing,
    PublicKey(Vec<u8>),
    Policy(CeremonyPolicy),
    Roster(Roster),
}

impl Next {
    /// Reads what came with a proposal: it is what the request names, and could come into force.
    pub(super) fn read(ceremony: &Ceremony, bytes: &[u8]) -> Result<Self, Error> {
        match &ceremony.request().act {
            Act::PolicyChange(act) => {
                let next = CeremonyPolicy::from_bytes(bytes).map_err(refused)?;
                let same = next.hash() == act.next && next.deployment == ceremony.request().deployment;
                if same { Ok(Self::Policy(next)) } else { Err(refused(Refusal::OtherPolicy)) }
            }
            Act::RosterChange(act) => {
                let next = Roster::from_bytes(bytes).map_err(|error| malformed("a roster", error))?;
                let follows = next.previous() == Some(ceremony.binding().roster);
                let same = next.hash() == act.next && next.deployment() == ceremony.request().deployment.as_str();
                if same && follows { Ok(Self::Roster(next)) } else { Err(refused(Refusal::OtherRoster)) }
            }
            Act::Recovery(act) if deposit_of(act).is_some() => {
                let same = act.target.sealing_key == Fingerprint(Sha256::digest(bytes).into());
                let other = "this is not the public key of the target that the request names";
                if same { Ok(Self::PublicKey(bytes.to_vec())) } else { Err(invalid_next(other)) }
            }
            Act::Import(act) if act.public_key.is_some() => {
                let same = act.public_key == Some(Fingerprint(Sha256::digest(bytes).into()));
                let other = "this is not the public key that the request names";
                if same { Ok(Self::PublicKey(bytes.to_vec())) } else { Err(invalid_next(other)) }
            }
            _ if bytes.is_empty() => Ok(Self::Nothing),
            _ => Err(invalid_next("this kind of ceremony takes no file beside")),
        }
    }

    /// The file that it is kept in.
    pub(super) fn file(&self) -> Option<CeremonyFile> {
        match self {
            Self::Nothing => None,
            Self::PublicKey(spki) => Some(public_key_file(spki)),
            Self::Policy(policy) => Some(policy_file(policy)),
            Self::Roster(roster) => Some(roster_file(roster)),
        }
    }
}

fn invalid_next(why: &str) -> Error {
    Error::new(Reason::InvalidArgument, why).field("next")
}
