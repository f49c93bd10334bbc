//! What is left of a ceremony with shares when it ends, however it ends: the shares as they were brought, and the target's private
//! half. Both go with the event that ends it; their digests stay in the events.

use hufu_ceremony::{Act, Ceremony, State};
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::record::{Protection, Record as _, Target, VersionUid};
use hufu_core::{Error, Reason};

use super::deposit::deposit_of;
use super::files::share_gone;
use crate::engine::Engine;
use crate::keys::Staging;

/// What goes with the end of a ceremony.
#[derive(Default)]
pub(super) struct Remains {
    shares: Vec<Write>,
    /// The target, and the revision of its row.
    target: Option<(Target, u64)>,
}

impl Remains {
    /// The target, if its private half is in software.
    pub(super) fn in_software(&self) -> Option<VersionUid> {
        let target = self.target.as_ref().map(|(target, _)| target)?;
        (target.protection == Protection::Software).then_some(target.uid)
    }
}

impl Engine {
    /// What goes when a ceremony has ended; nothing before.
    pub(super) async fn remains(&self, number: u64, ceremony: &Ceremony) -> Result<Remains, Error> {
        let act = &ceremony.request().act;
        let (true, Some(named)) = (ceremony.state().is_final(), act.target()) else { return Ok(Remains::default()) };
        let target = match self.read_target(&named.sealing_key.0).await {
            Ok((target, revision)) => Some((target, revision)).filter(|(target, _)| target.ceremony == Some(number)),
            // It went before, or somebody changed the row: that is alarmed, and keeps no ceremony from ending.
            Err(error) if matches!(error.reason(), Reason::TargetNotFound | Reason::Quarantined) => None,
            Err(error) => return Err(error),
        };
        let released = matches!(act, Act::Recovery(act) if deposit_of(act).is_some());
        let kept = released && ceremony.state() == State::Executed;
        let brought = if kept { &[] } else { ceremony.shares() };
        Ok(Remains { shares: brought.iter().map(|share| share_gone(number, share.index)).collect(), target })
    }

    /// Has what a backend may have kept of a target in memory forgotten, once it is gone.
    pub(super) async fn forget_target(&self, uid: Option<VersionUid>) {
        if let Some(uid) = uid
            && let Err(error) = self.erase(Protection::Software, uid).await
        {
            tracing::debug!(?error, "the software backend did not forget a target");
        }
    }

    /// Deletes them in the same commit. A target on a device is due from then on: the reconciler destroys it there.
    pub(super) fn stage_remains(&self, staging: &mut Staging<'_>, remains: Remains) {
        remains.shares.into_iter().for_each(|write| staging.write(write));
        let Some((target, revision)) = remains.target else { return };
        staging.guard(Guard::Revision(Collection::Target, target.id(), revision));
        if target.protection == Protection::Software {
            staging.write(Write::Delete(Collection::Target, target.id()));
            staging.write(Write::Delete(Collection::Material, target.uid.to_string()));
        } else {
            let due = Target { expires_at: self.clock.now_ms(), ..target };
            staging.write(Write::Put(self.keyring.integrity().row(&due, revision + 1)));
        }
    }
}
