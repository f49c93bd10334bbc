//! How many encryptions a version has left: taken from the database in blocks, so that no crash and no second server can pass
//! the limit.

use std::collections::HashMap;

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::policy::Action;
use hufu_core::record::{UsageCeiling, VersionUid};
use hufu_core::{Error, Reason};
use hufu_journal::JournalError;
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::fault;

/// Encryptions taken at once.
const BLOCK: u64 = 1 << 16;
/// Versions with an open block; the blocks of others are given up.
const OPEN_MAX: usize = 16_384;
/// Attempts to take a block while others take theirs.
const ATTEMPTS_MAX: usize = 8;

/// What is left of the blocks taken by this server.
#[derive(Default)]
pub(crate) struct UsageBlocks {
    left: Mutex<HashMap<VersionUid, u64>>,
}

impl UsageBlocks {
    fn take(&self, uid: VersionUid) -> bool {
        let mut left = self.left.lock();
        match left.get_mut(&uid) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    fn add(&self, uid: VersionUid, count: u64) {
        let mut left = self.left.lock();
        if left.len() >= OPEN_MAX {
            left.clear();
        }
        *left.entry(uid).or_default() += count;
    }
}

impl Engine {
    /// Takes one encryption of a version.
    pub(super) async fn take_encryption(&self, uid: VersionUid, resource: &str) -> Result<(), Error> {
        for _ in 0..ATTEMPTS_MAX {
            if self.usage.take(uid) {
                return Ok(());
            }
            self.take_block(uid, resource).await?;
        }
        Err(Error::new(Reason::Overloaded, "the version's usage counter is contended").help("try again"))
    }

    async fn take_block(&self, uid: VersionUid, resource: &str) -> Result<(), Error> {
        let id = uid.to_string();
        let row = self.store.get(Collection::Usage, &id).await.map_err(fault::store)?;
        let (ceiling, revision) = match &row {
            Some(row) => (self.keyring.integrity().open(row).map_err(Error::internal)?, row.revision),
            None => (UsageCeiling { uid, reserved: 0 }, 0),
        };
        if ceiling.reserved + BLOCK > UsageCeiling::MAX {
            return Err(Error::new(Reason::UsageLimitReached, "the version has made 2³² encryptions")
                .field("name")
                .help("rotate the key"));
        }
        let next = UsageCeiling { uid, reserved: ceiling.reserved + BLOCK };
        let entry = AuditEntry::done(self.clock.now_ms(), AuditEntry::system(), Action::ReserveUsage, resource);
        let guard = match revision {
            0 => Guard::Absent(Collection::Usage, id),
            revision => Guard::Revision(Collection::Usage, id, revision),
        };
        let changeset = Changeset {
            guards: vec![guard],
            writes: vec![Write::Put(self.keyring.integrity().row(&next, revision + 1))],
            ..Changeset::audit_only(AuditEntry { detail: Some(format!("{} reserved", next.reserved)), ..entry })
        };
        match self.reserve()?.commit(changeset).await {
            Ok(_) => self.usage.add(uid, BLOCK),
            // Another server took a block first: read again.
            Err(JournalError::Guarded(_)) => {}
            Err(error) => return Err(fault::journal(error)),
        }
        Ok(())
    }
}
