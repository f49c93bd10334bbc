//! Shares that were opened and are not what was dealt: struck out, so that others can come in their place.

use hufu_ceremony::{Awaited, StruckShare, Text, WHY_LEN_MAX, What};
use hufu_core::{Error, Reason};
use hufu_opener::Wrong;

use super::files::share_gone;
use super::held::Held;
use crate::engine::Engine;
use crate::escrow::out_of_turn;
use crate::fault;
use crate::keys::Staging;

impl Engine {
    /// Strikes out what the opener named, in one commit with its deletion. The ceremony waits for others then.
    pub(super) async fn strike(&self, held: &Held, wrong: &[Wrong]) -> Result<Held, Error> {
        let struck: Result<Vec<StruckShare>, Error> = wrong.iter().map(|one| struck(held, one)).collect();
        let struck = struck?;
        let gone: Vec<_> = struck.iter().map(|one| share_gone(held.record.number, one.index)).collect();
        let what = What::SharesStruck(struck);
        let stage = |staging: &mut Staging<'_>| {
            gone.into_iter().for_each(|write| staging.write(write));
            Ok(())
        };
        self.go_forward(held, what, self.ceremony_entry(held), stage).await?.map_err(fault::journal)
    }

    /// A ceremony that waits for shares in place of those that were struck out. When its time is over, or that of the approvals, it fails.
    pub(super) async fn wait_for_shares(&self, held: Held) -> Result<Held, Error> {
        let now = self.ceremony_time(held.last_at())?;
        if matches!(held.ceremony.awaited(now), Awaited::Shares(_)) {
            return Ok(held);
        }
        let tally = held.ceremony.tally(now);
        if now.wall_ms < held.ceremony.request().expires_at_ms && !tally.is_met() {
            let why = format!("too few approvals hold while shares are awaited in place of others: {tally}");
            return self.failed(&held, &Error::new(Reason::ShareRefused, why)).await;
        }
        let mut names: Vec<&str> = held.ceremony.struck().iter().map(|one| one.who.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let (missing, names) = (held.ceremony.shares_missing(), names.join(", "));
        let why = format!("{missing} more were needed in time in place of what was struck out of {names}");
        self.failed(&held, &Error::new(Reason::ShareRefused, why)).await
    }
}

/// What was handed over at this place, in the words of the ceremony.
fn struck(held: &Held, wrong: &Wrong) -> Result<StruckShare, Error> {
    let place = usize::try_from(wrong.place).map_err(Error::internal)?;
    let share = held.ceremony.shares().get(place).ok_or_else(out_of_turn)?;
    let mut why = String::new();
    for c in wrong.why.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if why.len() + c.len_utf8() > WHY_LEN_MAX {
            break;
        }
        why.push(c);
    }
    let why = Text::try_from(why.as_str()).map_err(Error::internal)?;
    Ok(StruckShare { who: share.who.clone(), index: share.index, digest: share.digest, why })
}
