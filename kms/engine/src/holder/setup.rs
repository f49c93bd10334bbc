//! What makes an engine a holder: who it is, whom it knows, and what it lets them do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hufu_core::{Error, Reason};
use hufu_custodian::{Agreement, Custodian, Name, Roster, Signer, VerifyingKey};
use hufu_frost::{Policy, Requester, VerifySignature};

/// Role of those who have shares.
const HOLDER: &str = "holder";
/// Role of those who sign mandates.
const REQUESTER: &str = "requester";

/// The two private keys of a holder: what it sends is signed with one, what others seal for it opens with the other.
pub trait HolderIdentity: Signer + Agreement + Send + Sync + 'static {}

impl<T: Signer + Agreement + Send + Sync + 'static> HolderIdentity for T {}

/// Threads for work that blocks or takes long: the engine has none.
pub trait Offload: Send + Sync + 'static {
    /// Runs a piece of work, now or as soon as there is room.
    ///
    /// # Errors
    /// [`Reason::Overloaded`] when too much waits already.
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Error>;
}

/// What a holder lets be done. It is its own: nobody changes it but whoever runs the holder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HolderPolicy {
    /// The longest that a mandate may still be good for when it arrives, in milliseconds.
    pub mandate_lifetime_ms_max: u64,
    /// Whose mandates count, by name in the roster.
    pub requesters: BTreeMap<Name, RequesterRule>,
    /// Whether the coordinator may have shares destroyed.
    pub coordinator_may_destroy: bool,
}

/// What one requester may do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequesterRule {
    /// Names of the keys that it may use and make; one that ends with `/*` stands for every name with one more part.
    pub keys: BTreeSet<String>,
    /// Whether it may have keys made.
    pub may_generate: bool,
}

/// All that makes an engine a holder.
#[derive(Clone)]
pub struct HolderSetup {
    /// The holder's name in the roster.
    pub name: Name,
    /// The deployment whose keys it has shares of: the origin of its log.
    pub deployment: String,
    /// Holders and requesters, with their public keys.
    pub roster: Arc<Roster>,
    /// The holder's own keys.
    pub identity: Arc<dyn HolderIdentity>,
    /// What it lets be done.
    pub policy: HolderPolicy,
    /// Where it does what takes long.
    pub offload: Arc<dyn Offload>,
}

impl HolderSetup {
    /// Checks that all of it goes together.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] with the field of the configuration at fault.
    pub fn check(&self) -> Result<(), Error> {
        let refused = |field, why: String| Error::new(Reason::InvalidArgument, why).field(field);
        if self.roster.deployment() != self.deployment {
            let why = format!("is `{}`, and the roster is of `{}`", self.deployment, self.roster.deployment());
            return Err(refused("holder.deployment", why));
        }
        let own = self.member(&self.name, HOLDER);
        let own = own.ok_or_else(|| {
            refused("holder.name", format!("`{}` is not in the roster with the role `{HOLDER}`", self.name))
        })?;
        if own.signing != *self.identity.verifying_key() || own.sealing != *self.identity.key() {
            let why = format!("the keys are not those that the roster has of `{}`", self.name);
            return Err(refused("holder.identity", why));
        }
        for name in self.policy.requesters.keys() {
            if self.member(name, REQUESTER).is_none() {
                let why = format!("`{name}` is not in the roster with the role `{REQUESTER}`");
                return Err(refused("holder.policy", why));
            }
        }
        Ok(())
    }

    /// The holder of a name.
    pub(super) fn holder(&self, name: &str) -> Option<&Custodian> {
        self.member(&name.parse().ok()?, HOLDER)
    }

    /// A requester that the policy names, with its key in the roster.
    pub(super) fn requester(&self, name: &str) -> Option<(&Custodian, &RequesterRule)> {
        let name: Name = name.parse().ok()?;
        Some((self.member(&name, REQUESTER)?, self.policy.requesters.get(&name)?))
    }

    /// The policy as `hufu_frost` judges by it.
    pub(super) fn judgement(&self) -> Policy {
        let requester = |(name, rule): (&Name, &RequesterRule)| {
            let public_key = self.member(name, REQUESTER)?.signing.spki().to_vec();
            Some((name.to_string(), Requester { public_key, keys: rule.keys.clone() }))
        };
        Policy {
            deployment: self.deployment.clone(),
            mandate_lifetime_ms_max: self.policy.mandate_lifetime_ms_max,
            requesters: self.policy.requesters.iter().filter_map(requester).collect(),
        }
    }

    fn member(&self, name: &Name, role: &str) -> Option<&Custodian> {
        let role: Name = role.parse().ok()?;
        self.roster.find(name).ok().filter(|one| one.has_role(&role))
    }
}

/// Verifies with keys as the roster has them.
pub(super) struct Pinned;

impl VerifySignature for Pinned {
    fn verifies(&self, public_key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
        VerifyingKey::from_spki(public_key).is_ok_and(|key| key.verifies(signed, signature))
    }
}
