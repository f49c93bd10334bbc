//! Whoever is to hold a share is still in the roster when the shares come into force.

use hufu_core::Error;
use hufu_core::changeset::{Collection, Guard};
use hufu_core::record::CeremonyRules;
use hufu_custodian::Roster;
use hufu_shares::Manifest;

use crate::engine::Engine;

/// What the roster in force says of those whom an epoch seats.
pub(super) enum Seated {
    /// All are in it with the key that their share is sealed to; a commit under this guard rests on the same roster.
    All(Guard),
    /// Some are not: what is said of them.
    Without(String),
}

impl Engine {
    /// Shares wait for confirmations for days. Whoever was taken from the roster meanwhile becomes no holder.
    pub(super) async fn seated(&self, next: &Manifest) -> Result<Seated, Error> {
        let (grounds, _, revision) = self.in_force().await?;
        let gone = gone(next, grounds.roster());
        if gone.is_empty() {
            return Ok(Seated::All(Guard::Revision(Collection::Meta, CeremonyRules::ID.to_owned(), revision)));
        }
        Ok(Seated::Without(format!("no longer in the roster with the key of the share: {}", gone.join(", "))))
    }
}

fn gone(next: &Manifest, roster: &Roster) -> Vec<String> {
    let seats = next.seats().iter();
    let gone = seats.filter(|seat| {
        !roster.find(&seat.custodian).is_ok_and(|person| person.sealing.fingerprint() == seat.sealing)
    });
    gone.map(|seat| seat.custodian.to_string()).collect()
}
