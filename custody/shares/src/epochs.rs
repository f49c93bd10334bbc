//! Which epoch of a set counts.

use std::collections::BTreeSet;

use hufu_codec::encode;
use hufu_custodian::{Name, Roster, Signed};
use minicbor::{Decode, Encode};

use crate::handover::check_manifest;
use crate::strict::decode_strictly;
use crate::{Confirmation, Error, Fault, Manifest, OpenedShare, Refusal, manifest};

const LEN_MAX: usize = 2 * manifest::LEN_MAX + 512;
const DOMAIN: &str = "hufu-share-epochs";
const VERSION: u32 = 1;

/// The epochs of one set: the current one, whose shares make the secret, and a next one, whose shares the custodians confirm. Old
/// shares die only when the new ones are proven. A state without I/O: whoever keeps it, keeps it where it cannot be turned back.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Epochs {
    #[n(0)]
    current: Option<Manifest>,
    #[n(1)]
    next: Option<Next>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
struct Next {
    #[n(0)]
    manifest: Manifest,
    /// How many confirmations it takes.
    #[n(1)]
    required: u8,
    /// The indices that are confirmed.
    #[n(2)]
    confirmed: BTreeSet<u8>,
}

impl Epochs {
    /// A new set, whose first epoch is to be confirmed.
    ///
    /// # Errors
    /// [`Error::Epochs`] when it is not a first epoch, or `required` is below the threshold or above the number of shares.
    pub fn new(first: Manifest, required: u8) -> Result<Self, Error> {
        if first.epoch() != 1 {
            return Err(Error::Epochs("a set begins with its first epoch"));
        }
        Ok(Self { current: None, next: Some(Next::new(first, required)?) })
    }

    /// The epoch that counts; nothing before the first is confirmed.
    #[must_use]
    pub fn current(&self) -> Option<&Manifest> {
        self.current.as_ref()
    }

    /// The epoch that is being confirmed.
    #[must_use]
    pub fn next(&self) -> Option<&Manifest> {
        self.next.as_ref().map(|next| &next.manifest)
    }

    /// Begins the next epoch. One that was begun and not finished is given up for it.
    ///
    /// # Errors
    /// [`Error::Epochs`] when it does not follow the current one, or `required` is below the threshold or above the number of shares.
    pub fn propose(&mut self, next: Manifest, required: u8) -> Result<(), Error> {
        let current = self.current.as_ref().ok_or(Error::Epochs("the first epoch is not confirmed yet"))?;
        next.follows(current)?;
        self.next = Some(Next::new(next, required)?);
        Ok(())
    }

    /// Gives the next epoch up; its shares never count.
    pub fn withdraw(&mut self) {
        self.next = None;
    }

    /// Takes a custodian's confirmation. The same one twice counts once.
    ///
    /// # Errors
    /// [`Error::Custodian`], [`Error::Codec`] and [`Error::Refused`] when it is not that custodian's, or of another set, epoch or index;
    /// [`Error::Epochs`] when there is nothing to confirm.
    pub fn confirm(&mut self, signed: &Signed, roster: &Roster) -> Result<(), Error> {
        let confirmation = Confirmation::from_signed(signed, roster)?;
        let next = self.next.as_mut().ok_or(Error::Epochs("there is nothing to confirm"))?;
        let (index, custodian) = (confirmation.index(), confirmation.custodian().clone());
        let refused = |fault| Refusal { custodian: custodian.clone(), index, fault };
        check_manifest(&next.manifest, confirmation.set(), confirmation.epoch(), &confirmation.manifest())
            .map_err(refused)?;
        let seat = next.manifest.seat(index).ok_or_else(|| refused(Fault::NoSeat))?;
        if seat.custodian != custodian {
            return Err(refused(Fault::OtherSeat(seat.custodian.clone())).into());
        }
        next.confirmed.insert(index);
        Ok(())
    }

    /// Who has not confirmed the next epoch.
    #[must_use]
    pub fn awaited(&self) -> Vec<Name> {
        self.next.as_ref().map(Next::awaited).unwrap_or_default()
    }

    /// Makes the next epoch the current one: the one before is dead from now on.
    ///
    /// # Errors
    /// [`Error::Unconfirmed`] with those who are awaited; [`Error::Epochs`] when there is no next.
    pub fn advance(&mut self) -> Result<&Manifest, Error> {
        let next = self.next.take().ok_or(Error::Epochs("there is nothing to confirm"))?;
        if next.confirmed.len() < usize::from(next.required) {
            let awaited = next.awaited();
            self.next = Some(next);
            return Err(Error::Unconfirmed(awaited));
        }
        Ok(self.current.insert(next.manifest))
    }

    /// Whether a share counts: it is of the current epoch.
    ///
    /// # Errors
    /// [`Refusal`] when its epoch is dead, not confirmed yet, or it is of another set.
    pub fn admit(&self, share: &OpenedShare) -> Result<(), Refusal> {
        let unconfirmed = || share.refused(Fault::Unconfirmed(share.epoch()));
        let current = self.current.as_ref().ok_or_else(unconfirmed)?;
        check_manifest(current, share.set(), share.epoch(), &share.manifest()).map_err(|fault| match fault {
            Fault::OtherEpoch { found, expected } if found < expected => share.refused(Fault::DeadEpoch(found)),
            Fault::OtherEpoch { .. } => unconfirmed(),
            fault => share.refused(fault),
        })
    }

    /// As bytes, to keep.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Epochs::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`], [`Error::Manifest`], [`Error::Epochs`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let epochs: Self = decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)?;
        epochs.check()?;
        Ok(epochs)
    }

    fn check(&self) -> Result<(), Error> {
        self.current.as_ref().map_or(Ok(()), Manifest::check)?;
        let Some(next) = &self.next else {
            return self.current.as_ref().map(|_| ()).ok_or(Error::Epochs("there is none"));
        };
        next.check()?;
        match &self.current {
            Some(current) => next.manifest.follows(current),
            None if next.manifest.epoch() == 1 => Ok(()),
            None => Err(Error::Epochs("a set begins with its first epoch")),
        }
    }
}

impl Next {
    fn new(manifest: Manifest, required: u8) -> Result<Self, Error> {
        let next = Self { manifest, required, confirmed: BTreeSet::new() };
        next.check()?;
        Ok(next)
    }

    fn check(&self) -> Result<(), Error> {
        self.manifest.check()?;
        if self.required < self.manifest.threshold() || usize::from(self.required) > self.manifest.seats().len() {
            return Err(Error::Epochs("the number of confirmations is from the threshold to the number of shares"));
        }
        let known = self.confirmed.iter().all(|index| self.manifest.seat(*index).is_some());
        if known { Ok(()) } else { Err(Error::Epochs("someone confirmed who has no share")) }
    }

    fn awaited(&self) -> Vec<Name> {
        let absent = (1..).zip(self.manifest.seats()).filter(|(index, _)| !self.confirmed.contains(index));
        absent.map(|(_, seat)| seat.custodian.clone()).collect()
    }
}
