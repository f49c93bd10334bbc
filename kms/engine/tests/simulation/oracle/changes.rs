//! What one changeset may do: state, audit record, ledger leaf and feed together, or it is wrong.

use hufu_core::changeset::{Changeset, Collection, Row, Write};
use hufu_core::policy::Action;
use hufu_core::record::{KeyState, Locator, Protection, Record, Tenant, VersionRecord, WrappingKeyId};

use super::leaves::Seen;
use super::{Made, State, states};
use crate::common::token::SimToken;

impl State {
    /// Checks a changeset against the state before it.
    pub(super) fn check_changeset(&mut self, changeset: &Changeset, writer: &str, token: &SimToken) {
        let rows = puts(changeset);
        let leaves = self.check_leaves(changeset, writer);
        for row in rows.iter().filter(|row| row.collection == Collection::Version) {
            self.check_version(row, changeset, &leaves, token);
        }
        for row in rows.iter().filter(|row| matches!(row.collection, Collection::Key | Collection::Version)) {
            let before = self.rows.get(&(row.collection, row.id.clone())).map_or(0, |row| row.revision);
            if row.revision != before + 1 {
                self.fail(format!("{} goes from revision {before} to {}", row.id, row.revision));
            }
            let key = if row.collection == Collection::Key { &row.id } else { &row.scope };
            // Outputs under way may go out when a key's material is wrapped anew, but its readers must hear of it.
            let moved = changeset.audit.first().is_some_and(|entry| entry.action == Action::Rewrap);
            let key = if moved { &format!("material of {key}") } else { key };
            if !changeset.feed.iter().any(|item| *item.subject.0 == **key) {
                self.fail(format!("nobody is told that {} changes", row.id));
            }
        }
        let versions: Vec<&str> =
            rows.iter().filter(|row| row.collection == Collection::Version).map(|row| row.id.as_str()).collect();
        let of_version = |leaf: &&Seen| leaf.key.is_some() && !leaf.of_tenant;
        if leaves.iter().filter(of_version).any(|leaf| !versions.contains(&leaf.version.as_str())) {
            self.fail("an event without its version");
        }
        let of_tenants = leaves.iter().filter(|leaf| leaf.of_tenant).count();
        if of_tenants != rows.iter().filter(|row| row.collection == Collection::Tenant && row.revision > 1).count() {
            self.fail("a tenant's wrapping keys change without a leaf, or a leaf is without its tenant");
        }
        for write in &changeset.writes {
            let kept = [Collection::Key, Collection::Version, Collection::Leaf, Collection::Principal];
            if let Write::Delete(collection, id) = write
                && kept.contains(collection)
            {
                self.fail(format!("{id} is removed"));
            }
        }
        self.check_wrapping(changeset, &rows);
        let changing = [Collection::Key, Collection::Version, Collection::Tenant];
        if let Some(entry) = changeset.audit.first()
            && rows.iter().any(|row| changing.contains(&row.collection))
        {
            self.coverage.changes += 1;
            let made = Made { action: entry.action, commit: self.coverage.commits };
            self.changes.entry(entry.principal.to_string()).or_default().push(made);
        }
    }

    fn check_version(&mut self, row: &Row, changeset: &Changeset, leaves: &[Seen], token: &SimToken) {
        let new = VersionRecord::from_row(row).unwrap();
        let Some(entry) = changeset.audit.first() else { return };
        let old: Option<VersionRecord> = self.record(&row.id);
        let name = new.name().to_string();
        let expected = match &old {
            None => states::born(entry.action, &new),
            Some(old) => states::changed(entry.action, entry.at, *entry.resource == *name, old, &new),
        };
        let Some(expected) = expected else {
            let before = old.map(|old| old.state);
            let action = entry.action;
            return self.fail(format!("{name}: {action} leads from {before:?} to {}", new.state));
        };
        if old.as_ref().is_some_and(|old| !states::is_same_key(old, &new)) {
            self.fail(format!("{name} has become another key"));
        }
        let told: Vec<_> = leaves.iter().filter(|leaf| leaf.version == row.id).collect();
        if told.iter().map(|leaf| leaf.event).ne(expected.iter().copied()) {
            self.fail(format!("{name}: {} should tell the ledger of {expected:?}", entry.action));
        }
        if let Some(last) = told.last()
            && (last.sequence, last.hash) != (new.last_sequence, new.last_event)
        {
            self.fail(format!("{name} does not know its last event"));
        }
        if told.is_empty()
            && old
                .as_ref()
                .is_some_and(|old| (old.last_sequence, old.last_event) != (new.last_sequence, new.last_event))
        {
            self.fail(format!("{name} knows of an event that is not there"));
        }
        self.check_material(old.as_ref(), &new, changeset, token);
    }

    /// Material goes under the wrapping key that its tenant has at that moment, and a wrapping key goes when nothing is under it.
    fn check_wrapping(&mut self, changeset: &Changeset, rows: &[&Row]) {
        for row in rows.iter().filter(|row| row.collection == Collection::Version) {
            let new = VersionRecord::from_row(row).unwrap();
            let Some(key) = wrapping_key(&new) else { continue };
            let same = self.record(&row.id).as_ref().and_then(wrapping_key) == Some(key);
            let tenant: Tenant = self.record(new.tenant.as_str()).unwrap();
            if !same && tenant.material_key != key {
                self.fail(format!("{} goes under a wrapping key that is not the newest", new.name()));
            }
        }
        for write in &changeset.writes {
            let Write::Delete(Collection::WrappingKey, id) = write else { continue };
            let lost =
                self.versions().find(|version| wrapping_key(version).is_some_and(|key| key.to_string() == *id));
            if let Some(lost) = lost {
                self.fail(format!("{} is lost with its wrapping key", lost.name()));
            }
            self.coverage.rotated += 1;
        }
    }

    /// A version of the token comes with its owner row and in place of its intent, and goes when its object is gone.
    fn check_material(
        &mut self,
        old: Option<&VersionRecord>,
        new: &VersionRecord,
        changeset: &Changeset,
        token: &SimToken,
    ) {
        if new.protection != Protection::Hsm {
            return;
        }
        let id = new.uid.to_string();
        let deleted = |collection| changeset.writes.contains(&Write::Delete(collection, id.clone()));
        if old.is_none() {
            let owned = puts(changeset).iter().any(|row| row.collection == Collection::Material && row.id == id);
            let announced = self.rows.contains_key(&(Collection::Intent, id.clone()));
            if !owned || !announced || !deleted(Collection::Intent) {
                self.fail(format!("{} is not bracketed by its intent", new.name()));
            }
            if token.find(new.uid).is_none() {
                self.fail(format!("{} is registered without its object", new.name()));
            }
        }
        if new.state == KeyState::Destroyed && old.is_some_and(|old| old.state == KeyState::Destroying) {
            self.coverage.destroyed += 1;
            if token.find(new.uid).is_some() || !deleted(Collection::Material) {
                self.fail(format!("{} is called destroyed and its object is there", new.name()));
            }
        }
    }
}

pub(super) fn puts(changeset: &Changeset) -> Vec<&Row> {
    let rows = changeset.writes.iter().filter_map(|write| match write {
        Write::Put(row) => Some(row),
        Write::Delete(..) => None,
    });
    rows.collect()
}

fn wrapping_key(version: &VersionRecord) -> Option<WrappingKeyId> {
    match &version.locator {
        Locator::Wrapped { wrapping_key, .. } => Some(*wrapping_key),
        _ => None,
    }
}

/// Whether an action is the service's own on the ledger.
pub(super) fn is_sequencing(action: Action) -> bool {
    action == Action::Sequence
}
