//! The messages of a signature.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::{Decode, Encode};

use super::Purpose;
use crate::error::{Error, Misconduct};
use crate::group::Group;
use crate::id::{GroupDigest, MessageDigest, SessionId};
use crate::scheme::NonceCommitments;
use crate::threshold::{HOLDERS_MAX, Identifier};
use crate::wire::Message;

/// The longest message that is signed, in bytes.
pub const MESSAGE_LEN_MAX: usize = 65_536;

/// Round 1: a holder's commitment to its nonces, good for one purpose.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Commitment {
    #[n(0)]
    pub(super) purpose: Purpose,
    #[n(1)]
    pub(super) holder: Identifier,
    #[n(2)]
    pub(super) nonces: NonceCommitments,
}

impl Message for Commitment {
    const DOMAIN: &'static str = "hufu-sign-commitment";
    const LEN_MAX: usize = 320;
}

impl Commitment {
    /// Reads what `from` sent, and checks that it is its own commitment for this purpose, and two points.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] names the sender.
    pub fn receive(group: &Group, purpose: &Purpose, from: Identifier, bytes: &[u8]) -> Result<Self, Error> {
        let commitment = Self::from_wire(bytes).map_err(|_| Error::by(from, Misconduct::Malformed))?;
        if commitment.holder != from {
            return Err(Error::by(from, Misconduct::Malformed));
        }
        if commitment.purpose != *purpose {
            return Err(Error::by(from, Misconduct::OtherSession));
        }
        let are_points = group.scheme().are_points(&commitment.nonces);
        if are_points { Ok(commitment) } else { Err(Error::by(from, Misconduct::WrongCommitment)) }
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_wire()
    }

    /// The encoded points, hiding and binding: what must never appear twice.
    #[must_use]
    pub fn points(&self) -> (&[u8], &[u8]) {
        (&self.nonces.hiding, &self.nonces.binding)
    }
}

/// Round 2: the message, and who signs it with which commitments.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct SigningPackage {
    #[n(0)]
    pub(super) group: GroupDigest,
    #[n(1)]
    pub(super) session: SessionId,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) message: Vec<u8>,
    #[n(3)]
    pub(super) signers: BTreeMap<Identifier, NonceCommitments>,
}

impl Message for SigningPackage {
    const DOMAIN: &'static str = "hufu-sign-package";
    const LEN_MAX: usize = MESSAGE_LEN_MAX + SIGNER_LEN * HOLDERS_MAX as usize + 256;
}

/// No encoded signer is longer: a number, and two points in two byte strings in an array.
const SIGNER_LEN: usize = 80;

impl SigningPackage {
    /// Puts together what the signers committed to.
    ///
    /// # Errors
    /// [`Error::TooLong`] for the message; [`Error::OtherPurpose`] when a commitment is for something else;
    /// [`Error::WrongPackage`] when a holder is there twice or there are fewer than t.
    pub fn new(group: &Group, session: SessionId, message: &[u8], commitments: &[Commitment]) -> Result<Self, Error> {
        if message.len() > MESSAGE_LEN_MAX {
            return Err(Error::TooLong { what: Self::DOMAIN, limit: MESSAGE_LEN_MAX });
        }
        let purpose = Purpose { group: group.digest(), session, message: MessageDigest::of(message) };
        if commitments.iter().any(|commitment| commitment.purpose != purpose) {
            return Err(Error::OtherPurpose);
        }
        let signers: BTreeMap<_, _> = commitments.iter().map(|one| (one.holder, one.nonces.clone())).collect();
        if signers.len() != commitments.len() || signers.len() < usize::from(group.threshold().t()) {
            return Err(Error::WrongPackage);
        }
        Ok(Self { group: group.digest(), session, message: message.to_vec(), signers })
    }

    /// Reads a package.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let package = Self::from_wire(bytes)?;
        let fits = package.message.len() <= MESSAGE_LEN_MAX;
        if fits { Ok(package) } else { Err(Error::TooLong { what: Self::DOMAIN, limit: MESSAGE_LEN_MAX }) }
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_wire()
    }

    /// The attempt that it belongs to.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Who signs.
    pub fn signers(&self) -> impl Iterator<Item = Identifier> {
        self.signers.keys().copied()
    }

    /// The points that a signer has committed to, hiding and binding.
    #[must_use]
    pub fn points_of(&self, signer: Identifier) -> Option<(&[u8], &[u8])> {
        self.signers.get(&signer).map(|nonces| (nonces.hiding.as_slice(), nonces.binding.as_slice()))
    }

    /// What every nonce in it must have been made for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        Purpose { group: self.group, session: self.session, message: MessageDigest::of(&self.message) }
    }
}

impl fmt::Debug for SigningPackage {
    /// Without the message, which may be nobody else's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signers: Vec<_> = self.signers.keys().collect();
        f.debug_struct("SigningPackage").field("purpose", &self.purpose()).field("signers", &signers).finish()
    }
}

/// Round 2: a holder's share of the signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignatureShare {
    #[n(0)]
    pub(super) group: GroupDigest,
    #[n(1)]
    pub(super) session: SessionId,
    #[n(2)]
    pub(super) holder: Identifier,
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(super) share: Vec<u8>,
}

impl Message for SignatureShare {
    const DOMAIN: &'static str = "hufu-sign-share";
    const LEN_MAX: usize = 192;
}

impl SignatureShare {
    /// Reads what `from` sent, and checks that it is its own share in this package's session. Whether the share is
    /// right is seen when all are aggregated.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] names the sender.
    pub fn receive(package: &SigningPackage, from: Identifier, bytes: &[u8]) -> Result<Self, Error> {
        let share = Self::from_wire(bytes).map_err(|_| Error::by(from, Misconduct::Malformed))?;
        if share.holder != from {
            return Err(Error::by(from, Misconduct::Malformed));
        }
        let same = (share.group, share.session) == (package.group, package.session);
        if same { Ok(share) } else { Err(Error::by(from, Misconduct::OtherSession)) }
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_wire()
    }

    /// Whose it is.
    #[must_use]
    pub fn holder(&self) -> Identifier {
        self.holder
    }

    /// The scalar.
    #[must_use]
    pub fn scalar(&self) -> &[u8] {
        &self.share
    }
}
