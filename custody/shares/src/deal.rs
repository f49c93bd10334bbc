//! Dealing a secret out.

use hufu_codec::encode;
use hufu_custodian::{Name, Roster, SealingKey, VerifyingKey};
use hufu_secret::{Rng, SecretBytes, random_array};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::share::seal_content;
use crate::strict::decode_strictly;
use crate::terms::check_quorum;
use crate::{
    BLIND_LEN, Curve, Error, Manifest, SEATS_MAX, SECRET_LEN_MAX, Scheme, Seat, SetId, Share, SignedManifest,
    Subject, feldman, manifest, scheme, shamir,
};

/// Longest sealed share in bytes.
const SEALED_LEN_MAX: usize = SECRET_LEN_MAX + 512;
const LEN_MAX: usize = manifest::LEN_MAX + SEATS_MAX * (SEALED_LEN_MAX + 4) + 64;
const DOMAIN: &str = "hufu-dealt";
const VERSION: u32 = 1;

/// On what terms a secret is shared.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What the secret is.
    pub subject: &'a Subject,
    /// How many shares make it.
    pub threshold: u8,
    /// Who gets a share, from index 1.
    pub holders: &'a [Name],
    /// Who all these are.
    pub roster: &'a Roster,
    /// The key that will sign the manifest.
    pub dealer: &'a VerifyingKey,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// The epoch before, when the same secret is shared anew (refresh, or reshare to other people or another threshold);
    /// nothing for a new set.
    pub after: Option<&'a Manifest>,
}

/// A secret that was dealt out, before the dealer has signed. Signing is left to the caller, whose key may be in an HSM, or with
/// someone else: nothing here can be opened but by custodians.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dealt {
    manifest: Manifest,
    sealed: Vec<Vec<u8>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[cbor(n(0), with = "minicbor::bytes")]
    manifest: Vec<u8>,
    #[n(1)]
    sealed: Vec<ByteVec>,
}

impl Dealt {
    /// What the dealer signs.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        self.manifest.to_bytes()
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The signed manifest and everyone's share, from index 1.
    ///
    /// # Errors
    /// [`Error::Dealer`] when this is not the dealer's signature over [`Dealt::statement`].
    pub fn signed(self, signature: &[u8]) -> Result<(SignedManifest, Vec<Share>), Error> {
        let manifest = SignedManifest::new(&self.manifest, signature)?;
        let share = |(index, sealed)| Share::new(manifest.clone(), index, sealed);
        let shares = (1..).zip(self.sealed).map(share).collect::<Result<_, _>>()?;
        Ok((manifest, shares))
    }

    /// As bytes, to be sent to whoever signs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let sealed = self.sealed.iter().cloned().map(ByteVec::from).collect();
        encode(DOMAIN, VERSION, &Stored { manifest: self.manifest.to_bytes(), sealed })
    }

    /// Reads what [`Dealt::to_bytes`] wrote. That the shares are those of the manifest, their custodians alone can tell.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`]; [`Error::Manifest`] also when there is not one sealed share for each seat.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let stored: Stored = decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)?;
        let manifest = Manifest::from_bytes(&stored.manifest)?;
        let sealed: Vec<Vec<u8>> = stored.sealed.into_iter().map(Vec::from).collect();
        let sound = |share: &Vec<u8>| (1..=SEALED_LEN_MAX).contains(&share.len());
        if sealed.len() != manifest.seats().len() || !sealed.iter().all(sound) {
            return Err(Error::Manifest("one sealed share for each seat"));
        }
        Ok(Self { manifest, sealed })
    }
}

/// Deals a secret of 1 to 4096 bytes out.
///
/// # Errors
/// [`Error::Terms`], [`Error::Manifest`], [`Error::Epochs`] when `after` is of something else, [`Error::Random`],
/// [`Error::Custodian`] for a holder whom the roster does not know and for a key that nothing can be sealed to.
pub fn deal(terms: &Terms<'_>, secret: &SecretBytes, rng: &dyn Rng) -> Result<Dealt, Error> {
    let count = terms.count()?;
    let secret_len = u16::try_from(secret.len()).ok().filter(|_| (1..=SECRET_LEN_MAX).contains(&secret.len()));
    let secret_len = secret_len.ok_or(Error::Terms("a secret that is empty or too long"))?;
    let (set, epoch) = terms.place(rng)?;
    let blinded = blinded(secret, rng)?;
    let contents = shamir::split(&blinded, terms.threshold, count, rng)?;
    let contents =
        contents.iter().map(|share| Ok(prefixed(&draw(rng)?, share))).collect::<Result<Vec<_>, Error>>()?;
    let commitments = (1..).zip(&contents).map(|(index, content)| scheme::commit_share((set, epoch), index, content));
    let scheme =
        Scheme::Shamir { secret_len, secret: scheme::commit_secret(set, &blinded), shares: commitments.collect() };
    seal_all(terms.manifest(set, epoch, scheme)?, terms, &contents)
}

/// Deals a private key out, a scalar of 32 bytes, so that every share can be verified and the public key is known.
///
/// # Errors
/// As [`deal`].
pub fn deal_scalar(terms: &Terms<'_>, curve: Curve, secret: &SecretBytes, rng: &dyn Rng) -> Result<Dealt, Error> {
    let (set, epoch) = terms.place(rng)?;
    let (coefficients, shares) = feldman::split(curve, secret, terms.threshold, terms.count()?, rng)?;
    seal_all(terms.manifest(set, epoch, Scheme::Feldman { curve, coefficients })?, terms, &shares)
}

impl Terms<'_> {
    /// A manifest of commitments that are there already.
    pub(crate) fn manifest(&self, set: SetId, epoch: u32, scheme: Scheme) -> Result<Manifest, Error> {
        let manifest = Manifest {
            set,
            epoch,
            previous: self.after.map(Manifest::digest),
            subject: self.subject.clone(),
            threshold: self.threshold,
            seats: self.seats()?,
            scheme,
            roster: self.roster.hash(),
            dealer: self.dealer.clone(),
            made_at_ms: self.now_ms,
        };
        manifest.check()?;
        self.after.map_or(Ok(()), |before| manifest.follows(before))?;
        Ok(manifest)
    }

    pub(crate) fn seats(&self) -> Result<Vec<Seat>, Error> {
        let seat = |(name, key): (&Name, &SealingKey)| Seat { custodian: name.clone(), sealing: key.fingerprint() };
        Ok(self.holders.iter().zip(self.keys()?).map(seat).collect())
    }

    /// The keys that shares are sealed to.
    pub(crate) fn keys(&self) -> Result<Vec<&SealingKey>, Error> {
        self.holders.iter().map(|name| Ok(&self.roster.find(name)?.sealing)).collect()
    }

    fn count(&self) -> Result<u8, Error> {
        check_quorum(self.threshold, self.holders.len())?;
        u8::try_from(self.holders.len()).map_err(|_| Error::Terms("more than 64 shares"))
    }

    fn place(&self, rng: &dyn Rng) -> Result<(SetId, u32), Error> {
        match self.after {
            None => Ok((SetId(random_array(rng)?), 1)),
            Some(before) => {
                let epoch = before.epoch().checked_add(1).ok_or(Error::Terms("there were too many epochs"))?;
                Ok((before.set(), epoch))
            }
        }
    }
}

fn seal_all(manifest: Manifest, terms: &Terms<'_>, contents: &[SecretBytes]) -> Result<Dealt, Error> {
    let digest = manifest.digest();
    let keys = terms.keys()?;
    let seal = |((index, key), content)| seal_content(key, &digest, index, content);
    let sealed = (1..).zip(keys).zip(contents).map(seal).collect::<Result<_, _>>()?;
    Ok(Dealt { manifest, sealed })
}

/// The secret, and after it the blind of its commitment.
fn blinded(secret: &SecretBytes, rng: &dyn Rng) -> Result<SecretBytes, Error> {
    Ok(prefixed(secret, &draw(rng)?))
}

fn draw(rng: &dyn Rng) -> Result<SecretBytes, Error> {
    let mut blind = SecretBytes::zeroed(BLIND_LEN);
    rng.fill(blind.expose_mut())?;
    Ok(blind)
}

fn prefixed(head: &SecretBytes, tail: &SecretBytes) -> SecretBytes {
    let mut both = SecretBytes::zeroed(head.len() + tail.len());
    let (first, second) = both.expose_mut().split_at_mut(head.len());
    first.copy_from_slice(head.expose());
    second.copy_from_slice(tail.expose());
    both
}
