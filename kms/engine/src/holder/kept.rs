//! Which shares there are and were. Two generations under one key version are two shares: a mandate to sign names one of them.

use std::collections::{BTreeMap, BTreeSet};

use hufu_core::record::{HolderShare, Record as _};
use hufu_core::{Error, Reason};
use hufu_frost::{Group, GroupDigest, KeyVersion, SetId, ShareId};

use super::refusal::refused;

/// A share that is, or was.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) share: ShareId,
    pub(super) group: GroupDigest,
    /// The id of its row.
    pub(super) row: String,
}

impl Kept {
    pub(super) fn of(record: &HolderShare, group: &Group) -> Self {
        let key = KeyVersion { name: record.key.clone(), version: record.version };
        let share = ShareId { key, public_key: group.public_key_digest() };
        Self { share, group: group.digest(), row: record.id() }
    }
}

/// All of them, with those that are destroyed.
#[derive(Default)]
pub(super) struct AllKept {
    by_generation: BTreeMap<SetId, Kept>,
    /// Key versions of which a row is not as it was written.
    locked: BTreeSet<KeyVersion>,
}

impl AllKept {
    pub(super) fn insert(&mut self, generation: SetId, kept: Kept) {
        self.by_generation.insert(generation, kept);
    }

    pub(super) fn lock(&mut self, key: Option<KeyVersion>) {
        self.locked.extend(key);
    }

    pub(super) fn len(&self) -> usize {
        self.by_generation.len() + self.locked.len()
    }

    /// What a generation gave.
    pub(super) fn of(&self, generation: SetId) -> Option<&Kept> {
        self.by_generation.get(&generation)
    }

    /// The share of that name.
    pub(super) fn named(&self, id: &ShareId) -> Option<&Kept> {
        self.by_generation.values().find(|kept| kept.share == *id)
    }

    /// Whether a generation may begin: a mandate makes one share, and beside a row that nobody can read nothing is made.
    pub(super) fn admit(&self, generation: SetId, key: &KeyVersion) -> Result<(), Error> {
        if self.by_generation.contains_key(&generation) {
            return Err(refused("mandate-used", "this holder has, or had, the share that the mandate made"));
        }
        if self.locked.contains(key) {
            return Err(refused("key-version-taken", "a share of that key version is locked: its row was changed"));
        }
        Ok(())
    }

    /// The share of a key version that belongs to a group.
    ///
    /// # Errors
    /// [`Reason::VersionNotFound`]; [`Reason::HolderRefused`] when all there is belongs to other groups;
    /// [`Reason::Quarantined`].
    pub(super) fn find(&self, key: &KeyVersion, group: GroupDigest) -> Result<&Kept, Error> {
        let mut of_key = self.by_generation.values().filter(|kept| kept.share.key == *key).peekable();
        let is_other = of_key.peek().is_some();
        if let Some(kept) = of_key.find(|kept| kept.group == group) {
            return Ok(kept);
        }
        if self.locked.contains(key) {
            return Err(Error::new(Reason::Quarantined, "the row of a share is not as it was written"));
        }
        if is_other {
            return Err(refused("other-group", "the share is of another group").field("group_digest"));
        }
        Err(Error::new(Reason::VersionNotFound, format!("there is no share of `{key}`")).field("key_version"))
    }
}
