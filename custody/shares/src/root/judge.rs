//! Whether a record tells of something that custodians did.

use std::collections::BTreeSet;

use hufu_custodian::{Name, Roster, RosterHash, Signed, VerifyingKey};

use super::record::{Deed, Opening, RootRecord};
use crate::{Confirmation, Error, Handover, HandoverRequest, Manifest, ROOT_SUBJECT, Refusal, SEATS_MAX};
use crate::{Fault, handover::check_manifest};

/// What whoever verifies knows from elsewhere: compared by people, never taken from the transcript.
#[derive(Clone, Debug)]
pub struct RootPins {
    /// The roster's hash.
    pub roster: RosterHash,
    /// The log's key, which dealt the shares and closes transcripts.
    pub log_key: VerifyingKey,
    /// The deployment: the origin of its log, which stands before the log's key.
    pub deployment: String,
}

/// A verified transcript.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootReport {
    /// The record.
    pub record: RootRecord,
    /// The shares, as the log's key signed for them.
    pub manifest: Manifest,
    /// Who did it, in the order of the shares: whose shares opened the server; who has confirmed to hold a good share of a root that was
    /// split.
    pub by: Vec<Name>,
    /// The ledger's receipt, which is not verified here; empty when there is none.
    pub receipt: Vec<u8>,
}

pub(super) fn judge(
    record: RootRecord,
    confirmations: &[Signed],
    receipt: &[u8],
    pins: &RootPins,
) -> Result<RootReport, Error> {
    if record.deployment != pins.deployment {
        return Err(Error::Transcript("it is of another deployment than the log's key"));
    }
    let roster = record.roster()?;
    if roster.hash() != pins.roster {
        return Err(Error::Transcript("it is bound to another roster than the pinned one"));
    }
    let manifest = record.manifest()?.verify(&pins.log_key)?.clone();
    check_seats(&manifest, &roster)?;
    let by = match &record.deed {
        Deed::Split if record.at_ms != manifest.made_at_ms() => {
            return Err(Error::Transcript("its time is not that of the shares"));
        }
        Deed::Split => confirmed(&manifest, &roster, confirmations)?,
        Deed::Opened(_) if !confirmations.is_empty() => {
            return Err(Error::Transcript("nobody confirms an opening"));
        }
        Deed::Opened(opening) => opened(opening, record.at_ms, &manifest, &roster)?,
    };
    Ok(RootReport { record, manifest, by, receipt: receipt.to_vec() })
}

/// Whether the shares are of a root, and sealed to the people of the roster with the keys that they have there.
fn check_seats(manifest: &Manifest, roster: &Roster) -> Result<(), Error> {
    if manifest.roster() != roster.hash() {
        return Err(Error::Transcript("its shares were dealt under another roster"));
    }
    if !manifest.subject().name.starts_with(ROOT_SUBJECT) {
        return Err(Error::Transcript("its shares are of no root"));
    }
    for seat in manifest.seats() {
        if roster.find(&seat.custodian)?.sealing.fingerprint() != seat.sealing {
            return Err(Error::Transcript("a share is sealed to another key than its custodian's"));
        }
    }
    Ok(())
}

/// Who has confirmed: of those shares and that roster, each once.
pub(super) fn confirmed(manifest: &Manifest, roster: &Roster, confirmations: &[Signed]) -> Result<Vec<Name>, Error> {
    let mut seats = Seats::default();
    for signed in confirmations {
        let confirmation = Confirmation::from_signed(signed, roster)?;
        let (index, custodian) = (confirmation.index(), confirmation.custodian());
        let refused = |fault| Refusal { custodian: custodian.clone(), index, fault };
        check_manifest(manifest, confirmation.set(), confirmation.epoch(), &confirmation.manifest())
            .map_err(refused)?;
        match manifest.seat(index) {
            Some(seat) if seat.custodian == *custodian => seats.take(index, custodian)?,
            Some(seat) => return Err(refused(Fault::OtherSeat(seat.custodian.clone())).into()),
            None => return Err(refused(Fault::NoSeat).into()),
        }
    }
    Ok(seats.names(manifest))
}

fn opened(opening: &Opening, at_ms: u64, manifest: &Manifest, roster: &Roster) -> Result<Vec<Name>, Error> {
    let request: HandoverRequest = opening.request()?;
    request.check(manifest, at_ms)?;
    if at_ms < request.made_at_ms {
        return Err(Error::Transcript("the server was open before it asked for shares"));
    }
    if opening.statements.len() > SEATS_MAX {
        return Err(Error::Transcript("it has more handovers than there can be shares"));
    }
    let mut seats = Seats::default();
    for signed in &opening.statements {
        let handover = Handover::from_signed(signed, roster)?;
        handover.check(manifest, &request.target.fingerprint(), &request.digest())?;
        seats.take(handover.index(), handover.custodian())?;
    }
    if seats.0.len() < usize::from(manifest.threshold()) {
        return Err(Error::Transcript("fewer custodians handed their shares over than it takes"));
    }
    Ok(seats.names(manifest))
}

/// Whose statements are there. One person counts once.
#[derive(Default)]
struct Seats(BTreeSet<u8>);

impl Seats {
    fn take(&mut self, index: u8, custodian: &Name) -> Result<(), Refusal> {
        if self.0.insert(index) {
            return Ok(());
        }
        Err(Refusal { custodian: custodian.clone(), index, fault: Fault::Twice })
    }

    fn names(&self, manifest: &Manifest) -> Vec<Name> {
        self.0.iter().filter_map(|index| manifest.seat(*index)).map(|seat| seat.custodian.clone()).collect()
    }
}
