//! What is publicly known of a set of shares.

use std::collections::BTreeSet;

use hufu_codec::encode;
use hufu_custodian::{Name, RosterHash, VerifyingKey};
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::strict::decode_strictly;
use crate::terms::check_quorum;
use crate::{Error, Fault, ManifestDigest, Scheme, SetId, Subject, feldman};

/// Longest encoding in bytes: 64 seats and as many commitments need 11 KiB.
pub(crate) const LEN_MAX: usize = 16 << 10;

const DOMAIN: &str = "hufu-share-manifest";
const VERSION: u32 = 1;

/// Who holds the share of an index.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Seat {
    /// The custodian.
    #[n(0)]
    pub custodian: Name,
    /// SHA-256 of the SubjectPublicKeyInfo of the key that the share is sealed to.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealing: [u8; 32],
}

/// One epoch of a set of shares: of what, among whom, how many are needed, and what the dealer commits to. It holds no
/// secret.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Manifest {
    #[n(0)]
    pub(crate) set: SetId,
    #[n(1)]
    pub(crate) epoch: u32,
    #[n(2)]
    pub(crate) previous: Option<ManifestDigest>,
    #[n(3)]
    pub(crate) subject: Subject,
    #[n(4)]
    pub(crate) threshold: u8,
    #[n(5)]
    pub(crate) seats: Vec<Seat>,
    #[n(6)]
    pub(crate) scheme: Scheme,
    #[n(7)]
    pub(crate) roster: RosterHash,
    #[n(8)]
    pub(crate) dealer: VerifyingKey,
    #[n(9)]
    pub(crate) made_at_ms: u64,
}

impl Manifest {
    /// The set, the same in all its epochs.
    #[must_use]
    pub fn set(&self) -> SetId {
        self.set
    }

    /// 1 for the first.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The manifest of the epoch before.
    #[must_use]
    pub fn previous(&self) -> Option<ManifestDigest> {
        self.previous
    }

    /// What is shared.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// How many shares make the secret.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Who holds them: the first has index 1.
    #[must_use]
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// How it is split.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The roster that the custodians were taken from.
    #[must_use]
    pub fn roster(&self) -> RosterHash {
        self.roster
    }

    /// The key of whoever dealt.
    #[must_use]
    pub fn dealer(&self) -> &VerifyingKey {
        &self.dealer
    }

    /// When it was dealt, in milliseconds since 1970.
    #[must_use]
    pub fn made_at_ms(&self) -> u64 {
        self.made_at_ms
    }

    /// Who holds the share of an index; nothing for 0 and for more than there are.
    #[must_use]
    pub fn seat(&self, index: u8) -> Option<&Seat> {
        self.seats.get(usize::from(index).checked_sub(1)?)
    }

    /// The index of a custodian's share.
    #[must_use]
    pub fn index_of(&self, custodian: &Name) -> Option<u8> {
        let at = self.seats.iter().position(|seat| seat.custodian == *custodian)?;
        u8::try_from(at + 1).ok()
    }

    /// What names the secret without telling it: SHA-256 of the SubjectPublicKeyInfo of a scalar's public key, or the commitment to
    /// bytes. The same in all epochs of a scalar; bytes that are shared anew are committed to anew.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        match &self.scheme {
            Scheme::Shamir { secret, .. } => secret.0,
            Scheme::Feldman { curve, coefficients } => {
                let spki = coefficients.first().and_then(|point| feldman::spki(*curve, point));
                spki.map_or([0; 32], |spki| Sha256::digest(spki).into())
            }
        }
    }

    /// What names it.
    #[must_use]
    pub fn digest(&self) -> ManifestDigest {
        ManifestDigest(Sha256::digest(self.to_bytes()).into())
    }

    /// As bytes, which the dealer signs: one manifest has one encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Manifest::to_bytes`] wrote. Who made it is another question: [`crate::SignedManifest`].
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`], [`Error::Manifest`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let manifest: Self = decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Whether it is the epoch after another one: of the same set and secret.
    ///
    /// # Errors
    /// [`Error::Epochs`].
    pub fn follows(&self, before: &Self) -> Result<(), Error> {
        if self.set != before.set || self.subject != before.subject {
            return Err(Error::Epochs("it is of another set or subject"));
        }
        if before.epoch.checked_add(1) != Some(self.epoch) || self.previous != Some(before.digest()) {
            return Err(Error::Epochs("it does not come right after the current one"));
        }
        if self.dealer != before.dealer {
            return Err(Error::Epochs("it is of another dealer"));
        }
        let same = match (&self.scheme, &before.scheme) {
            (Scheme::Shamir { secret_len: a, .. }, Scheme::Shamir { secret_len: b, .. }) => a == b,
            (Scheme::Feldman { curve: a, coefficients: x }, Scheme::Feldman { curve: b, coefficients: y }) => {
                a == b && x.first() == y.first()
            }
            _ => false,
        };
        if same { Ok(()) } else { Err(Error::Epochs("it is of another secret")) }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_quorum(self.threshold, self.seats.len())
            .map_err(|_| Error::Manifest("its threshold or number of shares"))?;
        if self.epoch == 0 || (self.epoch == 1) != self.previous.is_none() {
            return Err(Error::Manifest("the first epoch, and only the first, has none before it"));
        }
        if !self.subject.is_sound() {
            return Err(Error::Manifest("its subject has 1 to 255 visible ASCII characters"));
        }
        self.scheme.check(self.threshold, self.seats.len()).map_err(Error::Manifest)?;
        self.check_public_key()?;
        self.check_distinct()
    }

    /// Whether a share's content is what was committed to.
    pub(crate) fn check_share(&self, index: u8, content: &SecretBytes) -> Result<(), Fault> {
        self.scheme.check_share((self.set, self.epoch), index, content)
    }

    /// A scalar's public key is in the commitments: it must be the one that the subject names.
    fn check_public_key(&self) -> Result<(), Error> {
        let (Scheme::Feldman { curve, coefficients }, Some(named)) = (&self.scheme, &self.subject.public_key) else {
            return Ok(());
        };
        let spki = coefficients.first().and_then(|point| feldman::spki(*curve, point));
        let same = spki.is_some_and(|spki| Sha256::digest(spki).as_slice() == named);
        if same { Ok(()) } else { Err(Error::Manifest("its commitments are of another public key")) }
    }

    /// Someone with two seats would count twice.
    fn check_distinct(&self) -> Result<(), Error> {
        let names: BTreeSet<_> = self.seats.iter().map(|seat| &seat.custodian).collect();
        let keys: BTreeSet<_> = self.seats.iter().map(|seat| &seat.sealing).collect();
        let distinct = names.len() == self.seats.len() && keys.len() == self.seats.len();
        if distinct { Ok(()) } else { Err(Error::Manifest("a custodian or a key is in it twice")) }
    }
}
