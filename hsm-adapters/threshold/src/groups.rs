//! Groups that were read of late: reading one checks a point for each holder.

use std::collections::HashMap;
use std::sync::Arc;

use hufu_core::backend::BackendError;
use hufu_frost::Group;
use parking_lot::Mutex;

/// Most groups that are remembered, of at most 2,560 bytes each.
const GROUPS_MAX: usize = 1_024;

#[derive(Default)]
pub(crate) struct Groups(Mutex<HashMap<Arc<[u8]>, Group>>);

impl Groups {
    pub(crate) fn read(&self, bytes: &Arc<[u8]>) -> Result<Group, BackendError> {
        if let Some(group) = self.0.lock().get(bytes) {
            return Ok(group.clone());
        }
        let group = Group::from_bytes(bytes).map_err(|error| BackendError::Missing(error.to_string()))?;
        let mut known = self.0.lock();
        if known.len() >= GROUPS_MAX {
            known.clear();
        }
        known.insert(bytes.clone(), group.clone());
        Ok(group)
    }
}
