//! Revocation reasons (RFC 5280 §5.3.1) and what they mean for a key.

use minicbor::{Decode, Encode};

/// Why a key version was revoked: the CRLReason of RFC 5280 §5.3.1.
///
/// `certificateHold` is missing on purpose: a hold is a suspension, which can be resumed.
/// `removeFromCRL` is missing because nothing returns from a revocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum RevocationReason {
    /// No reason given.
    #[n(0)]
    Unspecified,
    /// The private key is known or suspected to be in other hands.
    #[n(1)]
    KeyCompromise,
    /// The key of the issuing authority is compromised.
    #[n(2)]
    CaCompromise,
    /// The subject's name or role changed.
    #[n(3)]
    AffiliationChanged,
    /// Another key took its place.
    #[n(4)]
    Superseded,
    /// No longer needed.
    #[n(5)]
    CessationOfOperation,
    /// The privilege that the key stood for was withdrawn.
    #[n(9)]
    PrivilegeWithdrawn,
    /// The key of the attribute authority is compromised.
    #[n(10)]
    AaCompromise,
}

impl RevocationReason {
    /// The CRLReason code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// Whether the key itself must be taken for known to others.
    #[must_use]
    pub fn is_compromise(self) -> bool {
        matches!(self, Self::KeyCompromise | Self::CaCompromise | Self::AaCompromise)
    }
}

/// A revocation that has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Revocation {
    /// Why.
    #[n(0)]
    pub reason: RevocationReason,
    /// When the service recorded it, in milliseconds since the Unix epoch.
    #[n(1)]
    pub revoked_at: u64,
    /// Since when the key is claimed to have been compromised, if the revoker said so.
    #[n(2)]
    pub compromised_at: Option<u64>,
}
