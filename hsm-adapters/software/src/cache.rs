//! Opened keys, a bounded number, each tied to the exact record that it was opened from.

use std::sync::Arc;

use hufu_core::backend::KeyHandle;
use hufu_core::record::{Locator, VersionUid};

use crate::key::Key;

/// Keys that may be open at once.
const KEYS_MAX: usize = 1024;

pub(crate) struct Cache {
    entries: quick_cache::sync::Cache<VersionUid, Arc<Entry>>,
}

/// An opened key and the handle that it answers to. Cleansed when the last holder drops it.
pub(crate) struct Entry {
    handle: KeyHandle,
    key: Key,
}

impl Entry {
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Whether a handle asks for exactly this: a changed blob, binding or scheme is opened and checked anew.
    fn answers(&self, asked: &KeyHandle) -> bool {
        let kept = &self.handle;
        kept.algorithm == asked.algorithm
            && kept.scheme == asked.scheme
            && same(&kept.binding, &asked.binding)
            && same_blob(&kept.locator, &asked.locator)
            && kept.public_key == asked.public_key
            && kept.distinguishing_id == asked.distinguishing_id
    }
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self { entries: quick_cache::sync::Cache::new(KEYS_MAX) }
    }

    pub(crate) fn find(&self, handle: &KeyHandle) -> Option<Arc<Entry>> {
        self.entries.get(&handle.uid).filter(|entry| entry.answers(handle))
    }

    pub(crate) fn keep(&self, handle: &KeyHandle, key: Key) -> Arc<Entry> {
        let entry = Arc::new(Entry { handle: handle.clone(), key });
        self.entries.insert(handle.uid, Arc::clone(&entry));
        entry
    }

    pub(crate) fn forget(&self, uid: VersionUid) {
        self.entries.remove(&uid);
    }
}

fn same_blob(kept: &Locator, asked: &Locator) -> bool {
    match (kept, asked) {
        (Locator::Wrapped { blob: a, wrapping_key: x }, Locator::Wrapped { blob: b, wrapping_key: y }) => {
            x == y && same(a, b)
        }
        _ => false,
    }
}

fn same(a: &Arc<[u8]>, b: &Arc<[u8]>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}
