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
    /// [`Reason::VersionNotFound`], also when there are shares of other groups; [`Reason::Quarantined`] when nobody can tell.
    pub(super) fn find(&self, key: &KeyVersion, group: GroupDigest) -> Result<&Kept, Error> {
        let is_it = |kept: &&Kept| kept.share.key == *key && kept.group == group;
        if let Some(kept) = self.by_generation.values().find(is_it) {
            return Ok(kept);
        }
        if self.locked.contains(key) {
            return Err(Error::new(Reason::Quarantined, "the row of a share is not as it was written"));
        }
        let why = format!("there is no share of `{key}` in that group");
        Err(Error::new(Reason::VersionNotFound, why).field("key_version"))
    }
}
