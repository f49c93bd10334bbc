//! What a service says of a key that shares are to be sealed to.

use std::collections::BTreeMap;

use hufu_custodian::{Name, SealingKey, VerifyingKey};
use minicbor::{Decode, Encode};

use crate::canonical::Format;
use crate::text::Text;
use crate::{Refusal, Target, TargetKind};

const EVIDENCE: Format =
    Format { what: "the evidence of a target", domain: "hufu-target-evidence", len_max: 64 << 10 };
const SIGNED: Format =
    Format { what: "the signed evidence of a target", domain: "hufu-signed-target-evidence", len_max: 65 << 10 };

/// Evidence of a target (RFC 9334): the key that shares are sealed to, where it is, and what is claimed of that place. It is the
/// word of the service, whose log's key signs it: whoever doubts that compares the claims with the device.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct TargetEvidence {
    /// The deployment: the origin of its log.
    #[n(0)]
    pub deployment: String,
    /// What the target is.
    #[n(1)]
    pub kind: TargetKind,
    /// The key.
    #[n(2)]
    pub sealing_key: SealingKey,
    /// The claims.
    #[n(3)]
    pub claims: BTreeMap<Name, Text>,
    /// When the key was made, in milliseconds since 1970.
    #[n(4)]
    pub made_at_ms: u64,
}

impl TargetEvidence {
    /// Whether this is the target of a request: the same key in a place of the same kind, with every claim that is asked for.
    ///
    /// # Errors
    /// [`Refusal::OtherTarget`], [`Refusal::OtherDeployment`], [`Refusal::Evidence`] names the claim.
    pub fn supports(&self, target: &Target, deployment: &str) -> Result<(), Refusal> {
        if self.sealing_key.fingerprint() != target.sealing_key.0 {
            return Err(Refusal::OtherTarget);
        }
        if self.deployment != deployment {
            return Err(Refusal::OtherDeployment);
        }
        if self.kind != target.kind {
            return Err(Refusal::Evidence("it is of another kind".to_owned()));
        }
        for (claim, wanted) in &target.evidence {
            match self.claims.get(claim) {
                Some(found) if found == wanted => {}
                Some(found) => return Err(Refusal::Evidence(format!("`{claim}` is {found}, not {wanted}"))),
                None => return Err(Refusal::Evidence(format!("it does not tell `{claim}`"))),
            }
        }
        Ok(())
    }

    /// The bytes to sign.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        EVIDENCE.write(self)
    }
}

/// Evidence with the signature of the service's key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct SignedEvidence {
    /// [`TargetEvidence::to_bytes`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub evidence: Vec<u8>,
    /// The signature over it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: Vec<u8>,
}

impl SignedEvidence {
    /// The evidence, once it is known to be the service's.
    ///
    /// # Errors
    /// [`Refusal::Evidence`] when the key did not sign it; those of reading.
    pub fn verify(&self, service: &VerifyingKey) -> Result<TargetEvidence, Refusal> {
        if !service.verifies(&self.evidence, &self.signature) {
            return Err(Refusal::Evidence("the service's key did not sign it".to_owned()));
        }
        EVIDENCE.read(&self.evidence)
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        SIGNED.write(self)
    }

    /// Reads what [`SignedEvidence::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Refusal::Codec`], [`Refusal::Malformed`], [`Refusal::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        SIGNED.read(bytes)
    }
}
