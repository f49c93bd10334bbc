//! What a ceremony stands on.

use hufu_custodian::{Custodian, Error, Roster, RosterHash, Signed};

use crate::{CeremonyPolicy, PolicyHash, Refusal};

/// The roster and the policy of a ceremony. They are the ones of its request from beginning to end, whatever comes after them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grounds {
    roster: Roster,
    policy: CeremonyPolicy,
    roster_hash: RosterHash,
    policy_hash: PolicyHash,
}

impl Grounds {
    /// Of a roster and a policy.
    ///
    /// # Errors
    /// [`Refusal::OtherDeployment`] when they are not of the same.
    pub fn new(roster: Roster, policy: CeremonyPolicy) -> Result<Self, Refusal> {
        if roster.deployment() != policy.deployment.as_str() {
            return Err(Refusal::OtherDeployment);
        }
        let (roster_hash, policy_hash) = (roster.hash(), policy.hash());
        Ok(Self { roster, policy, roster_hash, policy_hash })
    }

    /// The people.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// What each kind of ceremony takes.
    #[must_use]
    pub fn policy(&self) -> &CeremonyPolicy {
        &self.policy
    }

    /// What people compare of the roster.
    #[must_use]
    pub fn roster_hash(&self) -> RosterHash {
        self.roster_hash
    }

    /// What people compare of the policy.
    #[must_use]
    pub fn policy_hash(&self) -> PolicyHash {
        self.policy_hash
    }

    /// Whoever signed, by this roster.
    pub(crate) fn verify(&self, signed: &Signed) -> Result<&Custodian, Refusal> {
        signed.verify(&self.roster).map_err(|error| match error {
            Error::Unknown(name) => Refusal::UnknownCustodian(name),
            Error::Signature(name) => Refusal::BadSignature(name),
            other => Refusal::malformed("a signed statement", other),
        })
    }
}
