//! Which epoch of a set counts.

use std::collections::BTreeSet;

use hufu_codec::encode;
use hufu_custodian::{Name, Roster, Signed, VerifyingKey};
use minicbor::{Decode, Encode};

use crate::handover::check_manifest;
use crate::signed_manifest::Raw;
use crate::strict::decode_strictly;
use crate::{Confirmation, Error, Fault, Manifest, OpenedShare, Refusal, Resharing, SignedManifest, signed_manifest};

const LEN_MAX: usize = 2 * signed_manifest::LEN_MAX + 1024;
const DOMAIN: &str = "hufu-share-epochs";
const VERSION: u32 = 1;

/// The epochs of one set: the current one, whose shares make the secret, and a next one, whose shares the custodians confirm. Old
/// shares die only when the new ones are proven; a first epoch counts at once, because nothing dies for it. Every manifest is signed by
/// the set's dealer. A state without I/O: whoever keeps it, keeps it where it cannot be turned back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Epochs {
    current: Epoch,
    next: Option<Epoch>,
}

/// One epoch, and who has confirmed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Epoch {
    manifest: SignedManifest,
    required: u8,
    confirmed: BTreeSet<u8>,
}

/// As it is in bytes.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    current: StoredEpoch,
    #[n(1)]
    next: Option<StoredEpoch>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredEpoch {
    #[n(0)]
    manifest: Raw,
    /// How many confirmations it takes to count; 0 for the first.
    #[n(1)]
    required: u8,
    /// The indices that are confirmed.
    #[n(2)]
    confirmed: BTreeSet<u8>,
}

impl Epoch {
    /// The dealer's signed manifest.
    #[must_use]
    pub fn signed(&self) -> &SignedManifest {
        &self.manifest
    }

    /// What it says; its signature was checked when this was made.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.manifest.unverified()
    }

    /// How many confirmations it takes to count; 0 for the first epoch, which counts at once.
    #[must_use]
    pub fn required(&self) -> u8 {
        self.required
    }

    /// Who has confirmed to have a good share, in the order of the indices.
    #[must_use]
    pub fn confirmed(&self) -> Vec<Name> {
        self.names(|index| self.confirmed.contains(&index))
    }

    /// Who has not.
    #[must_use]
    pub fn awaited(&self) -> Vec<Name> {
        self.names(|index| !self.confirmed.contains(&index))
    }

    fn names(&self, of: impl Fn(u8) -> bool) -> Vec<Name> {
        let chosen = (1..).zip(self.manifest().seats()).filter(|(index, _)| of(*index));
        chosen.map(|(_, seat)| seat.custodian.clone()).collect()
    }

    /// Takes a confirmation; whether it is the first of its custodian.
    fn confirm(&mut self, confirmation: &Confirmation) -> Result<bool, Fault> {
        let manifest = self.manifest();
        check_manifest(manifest, confirmation.set(), confirmation.epoch(), &confirmation.manifest())?;
        let seat = manifest.seat(confirmation.index()).ok_or(Fault::NoSeat)?;
        if seat.custodian != *confirmation.custodian() {
            return Err(Fault::OtherSeat(seat.custodian.clone()));
        }
        Ok(self.confirmed.insert(confirmation.index()))
    }

    fn check(&self) -> Result<(), Error> {
        let known = self.confirmed.iter().all(|index| self.manifest().seat(*index).is_some());
        if known { Ok(()) } else { Err(Error::Epochs("someone confirmed who has no share")) }
    }

    fn check_required(&self) -> Result<(), Error> {
        let manifest = self.manifest();
        if self.required < manifest.threshold() || usize::from(self.required) > manifest.seats().len() {
            return Err(Error::Epochs("the number of confirmations is from the threshold to the number of shares"));
        }
        Ok(())
    }

    fn is_confirmed(&self) -> bool {
        self.confirmed.len() >= usize::from(self.required)
    }

    fn read(stored: StoredEpoch, dealer: &VerifyingKey) -> Result<Self, Error> {
        let manifest = SignedManifest::from_raw(stored.manifest)?;
        manifest.verify(dealer)?;
        Ok(Self { manifest, required: stored.required, confirmed: stored.confirmed })
    }

    fn stored(&self) -> StoredEpoch {
        let (manifest, required) = (self.manifest.raw().clone(), self.required);
        StoredEpoch { manifest, required, confirmed: self.confirmed.clone() }
    }
}

impl Epochs {
    /// A new set, whose first epoch counts at once.
    ///
    /// # Errors
    /// [`Error::Dealer`] when someone else has signed; [`Error::Epochs`] when it is not a first epoch.
    pub fn new(first: SignedManifest, dealer: &VerifyingKey) -> Result<Self, Error> {
        if first.verify(dealer)?.epoch() != 1 {
            return Err(Error::Epochs("a set begins with its first epoch"));
        }
        Ok(Self { current: Epoch { manifest: first, required: 0, confirmed: BTreeSet::new() }, next: None })
    }

    /// The epoch that counts.
    #[must_use]
    pub fn current(&self) -> &Epoch {
        &self.current
    }

    /// The epoch that is being confirmed.
    #[must_use]
    pub fn next(&self) -> Option<&Epoch> {
        self.next.as_ref()
    }

    /// Begins the next epoch. One that was begun and not finished is given up for it.
    ///
    /// # Errors
    /// [`Error::Dealer`] when someone else has signed; [`Error::Epochs`] when it does not follow the current one, is not what was asked for, or
    /// `required` is below its threshold or above the number of its shares.
    pub fn propose(&mut self, next: SignedManifest, how: &Resharing<'_>, required: u8) -> Result<(), Error> {
        let current = self.current.manifest();
        let manifest = next.verify(current.dealer())?;
        manifest.follows(current)?;
        how.check(manifest, current)?;
        let next = Epoch { manifest: next, required, confirmed: BTreeSet::new() };
        next.check_required()?;
        self.next = Some(next);
        Ok(())
    }

    /// Gives the next epoch up; its shares never count.
    pub fn withdraw(&mut self) {
        self.next = None;
    }

    /// Takes a custodian's confirmation, of the next epoch or of the current one; whether it is its first. The same one twice
    /// counts once.
    ///
    /// # Errors
    /// [`Error::Custodian`], [`Error::Codec`] and [`Error::Refused`] when it is not that custodian's, or of another set, epoch or index.
    pub fn confirm(&mut self, signed: &Signed, roster: &Roster) -> Result<bool, Error> {
        let confirmation = Confirmation::from_signed(signed, roster)?;
        let alive = self.current.manifest().epoch();
        let of = match &mut self.next {
            Some(next) if confirmation.epoch() > alive => next,
            _ => &mut self.current,
        };
        let confirmed = of.confirm(&confirmation).map_err(|fault| match fault {
            Fault::OtherEpoch { found, .. } if found < alive => Fault::DeadEpoch(found),
            fault => fault,
        });
        let (custodian, index) = (confirmation.custodian().clone(), confirmation.index());
        Ok(confirmed.map_err(|fault| Refusal { custodian, index, fault })?)
    }

    /// Who has not confirmed the next epoch.
    #[must_use]
    pub fn awaited(&self) -> Vec<Name> {
        self.next.as_ref().map(Epoch::awaited).unwrap_or_default()
    }

    /// Makes the next epoch the current one: the one before is dead from now on.
    ///
    /// # Errors
    /// [`Error::Unconfirmed`] with those who are awaited; [`Error::Epochs`] when there is no next.
    pub fn advance(&mut self) -> Result<&Manifest, Error> {
        let next = self.next.take().ok_or(Error::Epochs("there is nothing to confirm"))?;
        if !next.is_confirmed() {
            let awaited = next.awaited();
            self.next = Some(next);
            return Err(Error::Unconfirmed(awaited));
        }
        self.current = next;
        Ok(self.current.manifest())
    }

    /// Whether a share counts: it is of the current epoch.
    ///
    /// # Errors
    /// [`Refusal`] when its epoch is dead, not confirmed yet, or it is of another set.
    pub fn admit(&self, share: &OpenedShare) -> Result<(), Refusal> {
        let checked = check_manifest(self.current.manifest(), share.set(), share.epoch(), &share.manifest());
        checked.map_err(|fault| match fault {
            Fault::OtherEpoch { found, expected } if found < expected => share.refused(Fault::DeadEpoch(found)),
            Fault::OtherEpoch { found, .. } => share.refused(Fault::Unconfirmed(found)),
            fault => share.refused(fault),
        })
    }

    /// As bytes, to keep.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let stored = Stored { current: self.current.stored(), next: self.next.as_ref().map(Epoch::stored) };
        encode(DOMAIN, VERSION, &stored)
    }

    /// Reads what [`Epochs::to_bytes`] wrote, and checks the signatures of the dealer.
    ///
    /// # Errors
    /// [`Error::Dealer`], [`Error::Codec`], [`Error::TooLong`], [`Error::Manifest`], [`Error::Epochs`].
    pub fn from_bytes(bytes: &[u8], dealer: &VerifyingKey) -> Result<Self, Error> {
        let stored: Stored = decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)?;
        let next = stored.next.map(|next| Epoch::read(next, dealer)).transpose()?;
        let epochs = Self { current: Epoch::read(stored.current, dealer)?, next };
        epochs.check()?;
        Ok(epochs)
    }

    fn check(&self) -> Result<(), Error> {
        self.current.check()?;
        let first = self.current.manifest().epoch() == 1;
        if first != (self.current.required == 0) || !self.current.is_confirmed() {
            return Err(Error::Epochs("the current one was not confirmed"));
        }
        let Some(next) = &self.next else { return Ok(()) };
        next.check()?;
        next.check_required()?;
        next.manifest().follows(self.current.manifest())
    }
}
