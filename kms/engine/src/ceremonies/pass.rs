//! The background: time passes, receipts arrive, what began is brought to its end.

use std::collections::BTreeSet;

use hufu_ceremony::{Awaited, What};
use hufu_core::Error;
use hufu_core::changeset::Collection;
use hufu_core::record::CeremonyRecord;

use super::held::Held;
use super::propose::OPEN_MAX;
use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// One pass over the ceremonies that are open: lets delays pass and requests expire, brings receipts of the ledger, and goes on
    /// with what has begun. Call it at start and then every second.
    ///
    /// # Errors
    /// The first failure, once all have been looked at; the next pass tries again.
    pub async fn hold_ceremonies(&self) -> Result<(), Error> {
        if self.ceremonies.is_none() {
            return Ok(());
        }
        let open = self.store.due(Collection::Ceremony, i64::MAX.unsigned_abs(), OPEN_MAX).await;
        let open = open.map_err(fault::store)?;
        let numbers: BTreeSet<&str> = open.iter().map(|row| row.id.as_str()).collect();
        self.ceremonies()?.attempts.keep(|number| numbers.contains(CeremonyRecord::row_id(number).as_str()));
        if open.is_empty() {
            return Ok(());
        }
        self.write_uptime().await?;
        let (now, mut first) = (self.clock.now_ms(), Ok(()));
        for row in open.iter().filter(|row| row.due.is_some_and(|due| due <= now)) {
            let held = match self.held_of(row).await {
                Ok(held) => self.look_at(held).await,
                Err(error) => Err(error),
            };
            first = first.and(held.map(drop));
        }
        first
    }

    async fn look_at(&self, held: Held) -> Result<Held, Error> {
        let now = self.ceremony_time(held.last_at())?;
        match held.ceremony.awaited(now) {
            Awaited::Receipt => match self.request_receipt(&held).await? {
                Some(receipt) => self.by_itself(&held, What::Logged(receipt.into())).await,
                None => Ok(held),
            },
            Awaited::Delay(0) => self.by_itself(&held, What::DelayPassed).await,
            Awaited::Expiry => self.by_itself(&held, What::Expired).await,
            Awaited::Outcome if self.ceremonies()?.attempts.is_due(held.record.number, self.clock.uptime()) => {
                self.go_on(held).await
            }
            _ => Ok(held),
        }
    }
}
