//! A group: the public side of a key that is shared.

use std::fmt;
use std::sync::Arc;

use k256::elliptic_curve::sec1::ToSec1Point;
use minicbor::{Decode, Encode};

use crate::error::Error;
use crate::id::{GroupDigest, PublicKeyDigest, SetId, sha256};
use crate::scheme::{self, Scheme};
use crate::suite::Suite;
use crate::threshold::{Identifier, Threshold};
use crate::wire::{Message, recognised};

/// The public side of a key that n holders share: the key that signatures verify under, and each holder's verifying
/// share, by which a wrong signature share is traced to its holder. All points have been checked.
#[derive(Clone)]
pub struct Group {
    form: Form,
    digest: GroupDigest,
    spki: Vec<u8>,
    scheme: Arc<dyn Scheme>,
}

/// The key that signatures verify under, as the outside knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicKey {
    /// RFC 8032.
    Ed25519 {
        /// `SubjectPublicKeyInfo` in DER with OID 1.3.101.112 (RFC 8410 §4), 44 bytes.
        spki: Vec<u8>,
    },
    /// BIP-340.
    Bip340 {
        /// The x-coordinate: what a BIP-340 verifier and a Taproot output take.
        x_only: [u8; 32],
        /// SEC 1 compressed, 0x02 before the x-coordinate: the point with even y that BIP-340 lifts the key to, for
        /// whatever takes secp256k1 keys as points (a registry, a `SubjectPublicKeyInfo`, a key id).
        compressed: [u8; 33],
    },
}

/// A group's points, encoded: the group key, and n verifying shares one after the other in the holders' order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(crate) struct PublicShares {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) group_key: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) verifying_shares: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Form {
    #[n(0)]
    suite: Suite,
    #[n(1)]
    set: SetId,
    #[n(2)]
    threshold: Threshold,
    #[n(3)]
    public: PublicShares,
}

impl Message for Form {
    const DOMAIN: &'static str = "hufu-frost-group";
    const LEN_MAX: usize = 2_560;
}

impl Group {
    pub(crate) fn new(suite: Suite, set: SetId, threshold: Threshold, public: PublicShares) -> Result<Self, Error> {
        Self::of(Form { suite, set, threshold, public })
    }

    /// Reads a group and checks each of its points. That they belong together is for who made the bytes to vouch:
    /// the holders, all of whom must have sent the same ([`crate::dkg::Agreement`]), or a tagged row.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::of(Form::from_wire(bytes)?)
    }

    /// The encoding, at most 2,560 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.form.to_wire()
    }

    fn of(form: Form) -> Result<Self, Error> {
        let len = form.suite.point_len();
        let shares_len = len * usize::from(form.threshold.n());
        if form.public.group_key.len() != len || form.public.verifying_shares.len() != shares_len {
            return Err(Error::Malformed { what: Form::DOMAIN });
        }
        let scheme = scheme::open(form.suite, form.threshold, &form.public)?;
        let spki = spki(form.suite, &form.public.group_key)?;
        Ok(Self { digest: GroupDigest(sha256(&form.to_wire())), spki, form, scheme })
    }

    /// The suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.form.suite
    }

    /// The key generation that it came from.
    #[must_use]
    pub fn set(&self) -> SetId {
        self.form.set
    }

    /// How many hold a share, how many sign.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        self.form.threshold
    }

    /// SHA-256 of [`Group::to_bytes`].
    #[must_use]
    pub fn digest(&self) -> GroupDigest {
        self.digest
    }

    /// The key that signatures verify under.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let point = &self.form.public.group_key;
        match self.form.suite {
            Suite::Ed25519 => PublicKey::Ed25519 { spki: self.spki.clone() },
            Suite::Bip340 => bip340(point),
        }
    }

    /// The key as `SubjectPublicKeyInfo` in DER: of Ed25519 that of RFC 8410, 44 bytes; of BIP-340 that of RFC 5480
    /// with the curve secp256k1 and the uncompressed point of even y, 88 bytes.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of [`Group::spki`].
    #[must_use]
    pub fn public_key_digest(&self) -> PublicKeyDigest {
        PublicKeyDigest::of(&self.spki)
    }

    /// A holder's verifying share: an encoded point of [`Suite::point_len`] bytes.
    ///
    /// # Errors
    /// [`Error::UnknownHolder`] when the group has no holder of this number.
    pub fn verifying_share(&self, holder: Identifier) -> Result<&[u8], Error> {
        let len = self.form.suite.point_len();
        let mut shares = self.form.public.verifying_shares.chunks_exact(len);
        let index = usize::from(holder.number()).saturating_sub(1);
        shares.nth(index).ok_or(Error::UnknownHolder { number: holder.number() })
    }

    /// Whether a signature verifies under the group's key: RFC 8032, or BIP-340 over the message as it is.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.scheme.verifies(message, signature)
    }

    pub(crate) fn scheme(&self) -> &dyn Scheme {
        self.scheme.as_ref()
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form
    }
}

impl Eq for Group {}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Form { suite, threshold, .. } = &self.form;
        write!(f, "Group({suite} {threshold} {})", self.digest)
    }
}

/// `SubjectPublicKeyInfo` of Ed25519 as far as the key itself: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING }.
const SPKI_ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The same of secp256k1: SEQUENCE { SEQUENCE { 1.2.840.10045.2.1, 1.3.132.0.10 }, BIT STRING }.
const SPKI_SECP256K1: [u8; 23] = [
    0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x0a, 0x03, 0x42, 0x00,
];

fn spki(suite: Suite, point: &[u8]) -> Result<Vec<u8>, Error> {
    match suite {
        Suite::Ed25519 => Ok([&SPKI_ED25519, point].concat()),
        Suite::Bip340 => {
            let PublicKey::Bip340 { compressed, .. } = bip340(point) else {
                return Err(Error::internal("public key"));
            };
            let key = k256::PublicKey::from_sec1_bytes(&compressed);
            let key = key.map_err(|_| Error::Malformed { what: Form::DOMAIN })?;
            Ok([&SPKI_SECP256K1, key.to_sec1_point(false).as_bytes()].concat())
        }
    }
}

fn bip340(point: &[u8]) -> PublicKey {
    let mut x_only = [0; 32];
    // INVARIANT: `Group::of` has checked that there are 33 bytes.
    for (to, from) in x_only.iter_mut().zip(point.iter().skip(1)) {
        *to = *from;
    }
    let mut compressed = [2; 33];
    for (to, from) in compressed.iter_mut().skip(1).zip(&x_only) {
        *to = *from;
    }
    PublicKey::Bip340 { x_only, compressed }
}

/// Whether the bytes have the form of a group; its points are not looked at.
pub(crate) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    recognised::<Form>(bytes)
}
