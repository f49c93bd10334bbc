//! The two clocks of ceremonies: wall time, and how long the service has been running in all.

use std::time::Duration;

use hufu_ceremony::At;
use hufu_core::Error;
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::record::{CeremonyClock, Record as _};
use hufu_journal::JournalError;

use crate::engine::Engine;
use crate::fault;

/// How often the uptime is written down while ceremonies are open. A server that ends without a word loses no more of it.
const WRITE_PERIOD: Duration = Duration::from_secs(10);

/// The uptime that is written down, and when this server has last seen or written it. Of several servers on a database each adds
/// only what has passed since then, so that together they never count more than the time that was.
#[derive(Clone, Copy)]
pub(super) struct Uptime {
    written_ms: u64,
    /// Revision of its row; 0 while there is none.
    revision: u64,
    /// This server's own uptime then.
    seen: Duration,
}

impl Uptime {
    pub(super) fn unknown(now: Duration) -> Self {
        Self { written_ms: 0, revision: 0, seen: now }
    }

    fn at(&self, now: Duration) -> u64 {
        let since = u64::try_from(now.saturating_sub(self.seen).as_millis()).unwrap_or(u64::MAX);
        self.written_ms.saturating_add(since)
    }
}

impl Engine {
    /// What time it is for a ceremony whose last event was then. The service has certainly run as long as it had then.
    pub(super) fn ceremony_time(&self, last: Option<At>) -> Result<At, Error> {
        let uptime_ms = self.ceremonies()?.uptime.lock().at(self.clock.uptime());
        let uptime_ms = uptime_ms.max(last.map_or(0, |last| last.uptime_ms));
        Ok(At { wall_ms: self.clock.now_ms(), uptime_ms })
    }

    /// Takes the uptime as it is written down: by this server's own start before, or by another server.
    pub(super) async fn read_uptime(&self) -> Result<(), Error> {
        let row = self.store.get(Collection::Meta, CeremonyClock::ID).await.map_err(fault::store)?;
        let mut now = Uptime::unknown(self.clock.uptime());
        if let Some(row) = row {
            let opened = self.keyring.integrity().open::<CeremonyClock>(&row);
            let opened = opened.map_err(|_| self.directory.quarantine("ceremonies", "the row of their clock"))?;
            (now.written_ms, now.revision) = (opened.uptime_ms, row.revision);
        }
        *self.ceremonies()?.uptime.lock() = now;
        Ok(())
    }

    /// Writes the uptime down, if that was long ago.
    pub(super) async fn write_uptime(&self) -> Result<(), Error> {
        let (before, now) = (*self.ceremonies()?.uptime.lock(), self.clock.uptime());
        if before.revision > 0 && now.saturating_sub(before.seen) < WRITE_PERIOD {
            return Ok(());
        }
        let clock = CeremonyClock { uptime_ms: before.at(now) };
        let guard = match before.revision {
            0 => Guard::Absent(Collection::Meta, clock.id()),
            revision => Guard::Revision(Collection::Meta, clock.id(), revision),
        };
        let after = Uptime { written_ms: clock.uptime_ms, revision: before.revision + 1, seen: now };
        let changeset = Changeset {
            guards: vec![guard],
            writes: vec![Write::Put(self.keyring.integrity().row(&clock, after.revision))],
            ..Changeset::audit_only(self.lifecycle("ceremonies", "uptime written down"))
        };
        match self.reserve()?.commit(changeset).await {
            Ok(_) => *self.ceremonies()?.uptime.lock() = after,
            Err(JournalError::Guarded(_)) => self.read_uptime().await?,
            Err(error) => return Err(fault::journal(error)),
        }
        Ok(())
    }
}
