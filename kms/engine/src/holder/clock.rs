//! A holder's time: it never runs backwards, not over a restart either.

use std::time::Duration;

use hufu_core::changeset::{Collection, Row, Write};
use hufu_core::record::HolderClock;
use hufu_core::store::Store;
use hufu_core::{Error, Reason};

use crate::fault;
use crate::foundation::Integrity;
use crate::reconcile::TimeGuard;

/// How far the time that is kept may be behind, in milliseconds, where no share is made. With each share it is written anew.
const BEHIND_MS_MAX: u64 = 60_000;

/// The latest time that was seen, as it is kept.
pub(super) struct Clock {
    kept_ms: u64,
    /// Revision of its row; 0 while there is none.
    revision: u64,
    guard: TimeGuard,
}

impl Clock {
    /// As it was kept before this start.
    pub(super) async fn read(store: &dyn Store, integrity: &Integrity) -> Result<Self, Error> {
        let row = store.get(Collection::Meta, HolderClock::ID).await.map_err(fault::store)?;
        let guard = TimeGuard::default();
        let Some(row) = row else { return Ok(Self { kept_ms: 0, revision: 0, guard }) };
        let kept: HolderClock = integrity.open(&row).map_err(|error| {
            Error::new(Reason::Quarantined, "the row of the holder's clock is not as it was written").because(error)
        })?;
        Ok(Self { kept_ms: kept.latest, revision: row.revision, guard })
    }

    /// The time that is kept, in milliseconds since the Unix epoch.
    pub(super) fn kept_ms(&self) -> u64 {
        self.kept_ms
    }

    /// Refuses a clock that has jumped: forwards it would end mandates, and for ever, since the latest time is kept.
    pub(super) fn check(&mut self, now_ms: u64, uptime: Duration) -> Result<(), Error> {
        if self.guard.observe(now_ms, uptime) {
            return Ok(());
        }
        let frozen = Error::new(Reason::ClockFrozen, "the holder's clock has jumped");
        Err(frozen.help("have its operator set the clock right and start it again"))
    }

    /// The row to be written so that this time is kept; nothing while what is kept is near enough.
    pub(super) fn keep(&mut self, latest_ms: u64, exactly: bool, integrity: &Integrity) -> Option<Write> {
        let behind = latest_ms.saturating_sub(self.kept_ms);
        if behind == 0 || (!exactly && behind < BEHIND_MS_MAX) {
            return None;
        }
        (self.kept_ms, self.revision) = (latest_ms, self.revision + 1);
        let row: Row = integrity.row(&HolderClock { latest: latest_ms }, self.revision);
        Some(Write::Put(row))
    }
}
