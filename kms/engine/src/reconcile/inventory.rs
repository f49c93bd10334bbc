//! Objects on tokens that no record knows: reported, never deleted.

use std::time::{Duration, Instant};

use hufu_core::Error;
use hufu_core::backend::{Operation, Outcome};
use hufu_core::changeset::Collection;
use hufu_core::record::{Intent, Protection, VersionUid};

use crate::engine::Engine;
use crate::fault;

/// Objects looked at.
const OBJECTS_MAX: usize = 1_000_000;
/// Longest wait for the list.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);

impl Engine {
    pub(super) async fn look_for_unknown_objects(&self) -> Result<(), Error> {
        if self.backend(Protection::Hsm).is_err() {
            return Ok(());
        }
        let deadline = Instant::now() + LIST_TIMEOUT;
        let Outcome::Inventory(uids) =
            self.perform(Protection::Hsm, Operation::Inventory(OBJECTS_MAX), deadline).await?
        else {
            return Err(Error::internal("the backend answered out of turn"));
        };
        let mut unknown = 0;
        for uid in uids {
            if !self.is_known(uid).await? {
                unknown += 1;
                self.alarms.raise(
                    "unknown-object",
                    &format!("material {uid}"),
                    "the token holds an object of ours that no record knows",
                );
            }
        }
        self.reconciler.state.lock().unknown_objects = unknown;
        Ok(())
    }

    async fn is_known(&self, uid: VersionUid) -> Result<bool, Error> {
        let owned = self.store.get(Collection::Material, &uid.to_string()).await.map_err(fault::store)?;
        if owned.is_some() {
            return Ok(true);
        }
        let announced = self.store.get(Collection::Intent, &Intent::row_id(uid)).await.map_err(fault::store)?;
        Ok(announced.is_some())
    }
}
