//! A scalar shared anew by its custodians, without anyone who has it whole (Desmedt and Jajodia 1997).
//!
//! Each of `threshold` custodians shares its own share by Feldman among the new seats. The constant term it commits to
//! must be the public counterpart of its share, which the old commitments give; so nobody can bring something else in. Each new
//! custodian adds what it got, by the Lagrange coefficients of those who gave. The same for a refresh, where the people stay: a sharing
//! of zero (Herzberg et al. 1995) would need the same messages and a second set of rules.

use hufu_codec::encode;
use hufu_custodian::{Agreement, Name, Roster, SealingKey, Signed, VerifyingKey, open, seal};
use hufu_secret::{Rng, SecretBytes};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::share::not_opened;
use crate::strict::decode_strictly;
use crate::{
    Curve, Error, Fault, Manifest, OpenedShare, Point, Refusal, SEATS_MAX, Scheme, Seat, SignedManifest, Terms,
    feldman,
};

const LEN_MAX: usize = SEATS_MAX * 320 + 512;
const DOMAIN: &str = "hufu-share-contribution";
const VERSION: u32 = 1;
const PLAN_DOMAIN: &str = "hufu-share-plan";
const PURPOSE_DOMAIN: &str = "hufu-share-contribution-purpose";

/// Among whom a set is shared anew: what all who contribute must agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    digest: [u8; 32],
    curve: Curve,
    before: Manifest,
    threshold: u8,
    seats: Vec<Seat>,
    keys: Vec<SealingKey>,
}

impl Plan {
    /// The plan of terms whose `after` is the current epoch. When they take effect does not matter to it.
    ///
    /// # Errors
    /// [`Error::Terms`], [`Error::NoScalar`], [`Error::Custodian`] for a holder whom the roster does not know.
    pub fn new(terms: &Terms<'_>) -> Result<Self, Error> {
        crate::terms::check_quorum(terms.threshold, terms.holders.len())?;
        let before = terms.after.ok_or(Error::Terms("there is nothing to share anew"))?;
        let (curve, _) = feldman_of(before)?;
        let seats = terms.seats()?;
        let statement =
            encode(PLAN_DOMAIN, VERSION, &(before.digest(), terms.threshold, &seats, terms.roster.hash()));
        Ok(Self {
            digest: Sha256::digest(statement).into(),
            curve,
            before: before.clone(),
            threshold: terms.threshold,
            seats,
            keys: terms.keys()?.into_iter().cloned().collect(),
        })
    }

    /// Shares a custodian's share of the current epoch among the new seats.
    ///
    /// # Errors
    /// [`Error::Refused`] when the share is not of the current epoch; [`Error::Random`], [`Error::Custodian`].
    pub fn contribute(&self, opened: &OpenedShare, rng: &dyn Rng) -> Result<Contribution, Error> {
        crate::handover::check_manifest(&self.before, opened.set(), opened.epoch(), &opened.manifest())
            .map_err(|fault| opened.refused(fault))?;
        let count = u8::try_from(self.seats.len()).map_err(|_| Error::Terms("more than 64 shares"))?;
        let (coefficients, pieces) = feldman::split(self.curve, opened.content(), self.threshold, count, rng)?;
        let seal_piece = |((to, key), piece): ((u8, &SealingKey), &SecretBytes)| {
            Ok(ByteVec::from(seal(key, &self.purpose(opened.index(), to), piece)?))
        };
        let sealed = (1..).zip(&self.keys).zip(&pieces).map(seal_piece).collect::<Result<_, Error>>()?;
        let (index, custodian) = (opened.index(), opened.custodian().clone());
        Ok(Contribution { plan: self.digest, index, custodian, coefficients, sealed })
    }

    /// Reads what a custodian has contributed and signed, and checks all of it that is public.
    ///
    /// # Errors
    /// [`Error::Custodian`] when the signature is not the custodian's; [`Error::Refused`] when it is for another plan or seat, or its
    /// commitments are not of this custodian's share; [`Error::Codec`], [`Error::TooLong`].
    pub fn check(&self, signed: &Signed, roster: &Roster) -> Result<Contribution, Error> {
        let signer = &signed.verify(roster)?.name;
        let contribution = Contribution::from_bytes(&signed.statement)?;
        if contribution.custodian != *signer {
            let fault = Fault::OtherSeat(contribution.custodian);
            return Err(Refusal { custodian: signer.clone(), index: contribution.index, fault }.into());
        }
        self.check_content(&contribution)?;
        Ok(contribution)
    }

    /// All of it that is public, but for who signed it.
    fn check_content(&self, contribution: &Contribution) -> Result<(), Refusal> {
        let refused = |fault| contribution.refused(fault);
        let seat = self.before.seat(contribution.index).ok_or_else(|| refused(Fault::NoSeat))?;
        if seat.custodian != contribution.custodian {
            return Err(refused(Fault::OtherSeat(seat.custodian.clone())));
        }
        if contribution.plan != self.digest {
            return Err(refused(Fault::OtherRequest));
        }
        self.check_commitments(contribution).map_err(refused)
    }

    fn check_commitments(&self, contribution: &Contribution) -> Result<(), Fault> {
        let Contribution { index, coefficients, sealed, .. } = contribution;
        if coefficients.len() != usize::from(self.threshold) || sealed.len() != self.seats.len() {
            return Err(Fault::Length);
        }
        let own = feldman_of(&self.before).ok().and_then(|(curve, all)| feldman::image(curve, all, *index));
        let good = own.is_some() && coefficients.first() == own.as_ref();
        let points = coefficients.iter().all(|point| feldman::is_point(self.curve, point));
        if good && points { Ok(()) } else { Err(Fault::Commitment) }
    }

    /// The commitments of the new shares.
    fn combined(&self, contributions: &[Contribution]) -> Result<Vec<Point>, Error> {
        if contributions.len() != usize::from(self.before.threshold()) {
            return Err(Error::Points("as many contributions as the old threshold"));
        }
        contributions.iter().try_for_each(|contribution| self.check_content(contribution))?;
        let column = |at: usize| -> Result<Point, Error> {
            let column: Option<Vec<_>> =
                contributions.iter().map(|c| Some((c.index, c.coefficients.get(at)?))).collect();
            feldman::combine_points(self.curve, &column.ok_or(Error::Points("the commitments differ in number"))?)
        };
        (0..usize::from(self.threshold)).map(column).collect()
    }

    fn purpose(&self, from: u8, to: u8) -> Vec<u8> {
        encode(PURPOSE_DOMAIN, VERSION, &(minicbor::bytes::ByteArray::from(self.digest), from, to))
    }
}

/// A custodian's share, shared among the new seats: a statement that the custodian signs ([`Signed`]), and only [`Plan::check`] makes one
/// of someone else's.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Contribution {
    #[cbor(n(0), with = "minicbor::bytes")]
    plan: [u8; 32],
    #[n(1)]
    index: u8,
    #[n(2)]
    custodian: Name,
    #[n(3)]
    coefficients: Vec<Point>,
    #[n(4)]
    sealed: Vec<ByteVec>,
}

impl Contribution {
    /// As bytes, which the custodian signs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Contribution::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)
    }

    fn refused(&self, fault: Fault) -> Refusal {
        Refusal { custodian: self.custodian.clone(), index: self.index, fault }
    }
}

/// The manifest of the next epoch, for the dealer to sign, from as many contributions as the old threshold. Whoever makes it
/// knows no share.
///
/// # Errors
/// [`Error::Points`] for too many, too few or two of one custodian; those of [`Plan::new`].
pub fn draft(terms: &Terms<'_>, contributions: &[Contribution]) -> Result<Manifest, Error> {
    let plan = Plan::new(terms)?;
    let coefficients = plan.combined(contributions)?;
    let epoch = plan.before.epoch().checked_add(1).ok_or(Error::Terms("there were too many epochs"))?;
    terms.manifest(plan.before.set(), epoch, Scheme::Feldman { curve: plan.curve, coefficients })
}

/// A new custodian's share, from what the others contributed: everything is checked, by commitments that bind them. Keep it by
/// [`crate::Share::keep`].
///
/// # Errors
/// [`Error::Refused`] with the name of whoever contributed something false; [`Error::Dealer`], [`Error::Epochs`]; [`Error::OtherManifest`] when the manifest is not made of these
/// contributions, or has no seat for this key.
pub fn receive(
    plan: &Plan,
    contributions: &[Contribution],
    manifest: &SignedManifest,
    dealer: &VerifyingKey,
    with: &dyn Agreement,
) -> Result<OpenedShare, Error> {
    let new = manifest.verify(dealer)?;
    new.follows(&plan.before)?;
    let (curve, coefficients) = feldman_of(new)?;
    if new.seats() != plan.seats || curve != plan.curve || coefficients != plan.combined(contributions)? {
        return Err(Error::OtherManifest);
    }
    let own = with.key().fingerprint();
    let (index, seat) = (1..).zip(new.seats()).find(|(_, seat)| seat.sealing == own).ok_or(Error::OtherManifest)?;
    let pieces = contributions.iter().map(|contribution| piece(plan, contribution, index, with));
    let pieces = pieces.collect::<Result<Vec<_>, Error>>()?;
    let share = feldman::combine(curve, &pieces.iter().map(|(from, piece)| (*from, piece)).collect::<Vec<_>>())?;
    Ok(OpenedShare::checked(new, seat, index, share)?)
}

/// What one contributor gave to one seat.
fn piece(
    plan: &Plan,
    contribution: &Contribution,
    index: u8,
    with: &dyn Agreement,
) -> Result<(u8, SecretBytes), Error> {
    let from = contribution.index;
    let refused = |fault| contribution.refused(fault);
    let seat = plan.before.seat(from).ok_or_else(|| refused(Fault::NoSeat))?;
    let sealed = contribution.sealed.get(usize::from(index).wrapping_sub(1)).ok_or_else(|| refused(Fault::Length))?;
    let piece = open(with, &plan.purpose(from, index), sealed).map_err(|error| not_opened(error, seat, from))?;
    if feldman::verify(plan.curve, &contribution.coefficients, index, &piece) {
        Ok((from, piece))
    } else {
        Err(refused(Fault::Commitment).into())
    }
}

fn feldman_of(manifest: &Manifest) -> Result<(Curve, &[Point]), Error> {
    match manifest.scheme() {
        Scheme::Feldman { curve, coefficients } => Ok((*curve, coefficients)),
        Scheme::Shamir { .. } => Err(Error::NoScalar),
    }
}
