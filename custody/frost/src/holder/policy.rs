//! A holder's own policy: whom it knows, and which keys they may use.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Refusal;
use super::seam::VerifySignature;
use crate::mandate::{KeyVersion, Mandate, SignedMandate};

/// Whom a holder takes mandates from. It is the holder's own, and no coordinator can change it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The installation that mandates must be for.
    pub deployment: String,
    /// The longest that a mandate may still be good for when it arrives, in milliseconds.
    pub mandate_lifetime_ms_max: u64,
    /// The requesters, by name.
    pub requesters: BTreeMap<String, Requester>,
}

/// A requester that a holder knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requester {
    /// Its pinned public key, in the form that the process's [`VerifySignature`] takes.
    pub public_key: Vec<u8>,
    /// The names of the keys that it may use, in all their versions. One that ends with `/*` stands for every name that
    /// has one more part in place of the star.
    pub keys: BTreeSet<String>,
}

impl Requester {
    /// Whether it may use a key of that name.
    #[must_use]
    pub fn may_use(&self, key: &str) -> bool {
        let is_in = |pattern: &String| {
            let part =
                pattern.strip_suffix('*').filter(|all| all.ends_with('/')).and_then(|all| key.strip_prefix(all));
            part.is_some_and(|part| !part.is_empty() && !part.contains('/'))
        };
        self.keys.contains(key) || self.keys.iter().any(is_in)
    }
}

impl Policy {
    /// Whether the mandate is by whom it says.
    pub(super) fn verify(&self, mandate: &SignedMandate, verifier: &impl VerifySignature) -> Result<(), Refusal> {
        let requester = self.requesters.get(&mandate.mandate().requester).ok_or(Refusal::UnknownRequester)?;
        let is_genuine = verifier.verifies(&requester.public_key, mandate.signed(), mandate.signature());
        if is_genuine { Ok(()) } else { Err(Refusal::BadSignature) }
    }

    /// Whether a genuine mandate is one to follow now.
    pub(super) fn judge(&self, mandate: &Mandate, now_ms: u64) -> Result<(), Refusal> {
        if mandate.deployment != self.deployment {
            return Err(Refusal::OtherDeployment);
        }
        if mandate.expires_at_ms <= now_ms {
            return Err(Refusal::Expired);
        }
        if mandate.expires_at_ms - now_ms > self.mandate_lifetime_ms_max {
            return Err(Refusal::LifetimeTooLong);
        }
        self.allows(&mandate.requester, &mandate.key)
    }

    /// Whether a requester may use a key.
    pub(super) fn allows(&self, requester: &str, key: &KeyVersion) -> Result<(), Refusal> {
        let allowed = self.requesters.get(requester).is_some_and(|known| known.may_use(&key.name));
        if allowed { Ok(()) } else { Err(Refusal::NotAllowed) }
    }
}
