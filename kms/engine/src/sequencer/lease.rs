//! The lease: which server sequences. Its row revision fences every commit of the holder.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Row, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Lease, Record};
use hufu_log::Fence;

use super::{Sequencer, SequencerError};

const NAME: &str = "sequencer";

impl Sequencer {
    /// The lease as this server may take or keep it; nothing while another holds it.
    ///
    /// Nothing is written yet: each commit of the sequencer renews the lease along with its work, so that an idle log
    /// costs no commits.
    pub(super) async fn claim(&self) -> Result<Option<Fence>, SequencerError> {
        let row = self.parts.store.get(Collection::Lease, NAME).await?;
        let Some(row) = row else {
            let guard = Guard::Absent(Collection::Lease, NAME.to_owned());
            return Ok(Some(Fence { guard, renewal: self.lease_row(1) }));
        };
        let lease = Lease::from_row(&row).map_err(|_| SequencerError::Lease)?;
        Ok(self.may_take(&lease).then(|| self.fence_at(row.revision)))
    }

    /// The fence of the commit after one that has succeeded.
    pub(super) fn renew(&self, fence: &Fence) -> Fence {
        self.fence_at(fence.renewal.revision)
    }

    /// Lets the lease go, so that another server need not wait until it expires.
    pub(super) async fn release(&self) -> Result<(), SequencerError> {
        let row = self.parts.store.get(Collection::Lease, NAME).await?;
        let lease = row.as_ref().map(Lease::from_row).transpose().map_err(|_| SequencerError::Lease)?;
        let (Some(row), Some(lease)) = (row, lease) else { return Ok(()) };
        if lease.holder != self.parts.holder {
            return Ok(());
        }
        let now = self.parts.clock.now_ms();
        let audit = AuditEntry {
            detail: Some("lease released".to_owned()),
            ..AuditEntry::done(now, AuditEntry::system(), Action::Sequence, "ledger")
        };
        let released = Lease { expires_at: 0, ..lease }.to_row(row.revision + 1);
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::Lease, NAME.to_owned(), row.revision)],
            writes: vec![Write::Put(released)],
            ..Changeset::audit_only(audit)
        };
        self.parts.journal.reserve()?.commit(changeset).await?;
        Ok(())
    }

    fn may_take(&self, lease: &Lease) -> bool {
        let now = self.parts.clock.now_ms();
        // A server of its own has no rivals but its earlier starts. A lease from far in the future was written under
        // a clock that was wrong.
        let plausible = lease.expires_at <= now.saturating_add(self.config.lease_ms.saturating_mul(2));
        let held = lease.expires_at > now && plausible;
        lease.holder == self.parts.holder || !held || !self.parts.store.is_shared()
    }

    fn fence_at(&self, revision: u64) -> Fence {
        let guard = Guard::Revision(Collection::Lease, NAME.to_owned(), revision);
        Fence { guard, renewal: self.lease_row(revision + 1) }
    }

    fn lease_row(&self, revision: u64) -> Row {
        let expires_at = self.parts.clock.now_ms().saturating_add(self.config.lease_ms);
        Lease { name: NAME.to_owned(), holder: self.parts.holder.clone(), expires_at }.to_row(revision)
    }
}
