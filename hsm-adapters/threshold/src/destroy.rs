//! Destruction: every holder deletes its share, or the key is not destroyed.

use std::time::Instant;

use futures_util::future::join_all;
use hufu_core::backend::{BackendError, Outcome, Shared};
use hufu_frost::{Group, GroupDigest};

use crate::backend::ThresholdBackend;
use crate::link::LinkError;
use crate::words;

impl ThresholdBackend {
    /// Has all holders of a key delete their shares.
    pub(crate) async fn destroy(&self, shared: Shared<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let group = Group::from_bytes(shared.group).map_err(|error| BackendError::Missing(error.to_string()))?;
        let names: Vec<_> = shared.holders.iter().map(String::as_str).collect();
        let left = self.delete_shares(&shared.version.to_string(), group.digest(), &names, deadline).await;
        if left.is_empty() {
            return Ok(Outcome::Done);
        }
        Err(words::not_all("not every holder has deleted its share", left))
    }

    /// Asks holders to delete their shares, side by side. The answer names those that may have theirs still.
    pub(crate) async fn delete_shares(
        &self,
        key_version: &str,
        group: GroupDigest,
        holders: &[&str],
        deadline: Instant,
    ) -> Vec<(String, LinkError)> {
        let asked = holders.iter().map(|name| async move {
            let deleted = self.delete_share(name, key_version, group, deadline).await;
            deleted.err().map(|error| ((*name).to_owned(), error))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn delete_share(
        &self,
        holder: &str,
        key_version: &str,
        group: GroupDigest,
        deadline: Instant,
    ) -> Result<(), LinkError> {
        let seat =
            self.seat(holder).ok_or_else(|| LinkError::Unreachable("the service has no link to it".to_owned()))?;
        let timeout = self.config.generation_timeout;
        let deleted =
            seat.call(timeout, deadline, |until| seat.link.destroy_share(key_version, group.0, until)).await;
        match deleted {
            Err(LinkError::Absent(_)) => Ok(()),
            deleted => deleted,
        }
    }
}
