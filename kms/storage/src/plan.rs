//! What a group comes to, decided before anything of it is written.
//!
//! Every store holds off other writers from the reading of the guarded revisions until its commit, so the guards can
//! be checked here, purely, against those revisions and the writes of earlier changesets. A refused changeset then
//! leaves nothing to undo, no savepoint is needed, and of several writes to a row only the last reaches the database.

use std::collections::{BTreeMap, BTreeSet};

use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Write};
use hufu_core::store::Verdict;

/// Names a row.
pub(crate) type RowKey<'a> = (Collection, &'a str);

/// What a group comes to.
pub(crate) struct Plan<'a> {
    /// One for each changeset.
    pub(crate) verdicts: Vec<Verdict>,
    /// Rows to insert or replace.
    pub(crate) puts: Vec<&'a Row>,
    /// Rows to remove, none of them in `puts`.
    pub(crate) deletes: Vec<RowKey<'a>>,
    /// What the change feed gains, in order.
    pub(crate) feed: Vec<&'a FeedItem>,
}

impl<'a> Plan<'a> {
    /// Plans a batch over the stored revisions of [`guarded`] rows.
    pub(crate) fn new(batch: &'a [Changeset], stored: impl Fn(&RowKey<'a>) -> Option<u64>) -> Self {
        let mut written: BTreeMap<RowKey<'a>, Option<&'a Row>> = BTreeMap::new();
        let mut feed = Vec::new();
        let mut verdicts = Vec::with_capacity(batch.len());
        for changeset in batch {
            let revision = |key: RowKey<'a>| match written.get(&key) {
                Some(row) => row.map(|row| row.revision),
                None => stored(&key),
            };
            if let Some(broken) = changeset.guards.iter().find(|guard| !holds(guard, revision)) {
                verdicts.push(Verdict::Refused(broken.clone()));
                continue;
            }
            written.extend(changeset.writes.iter().map(effect));
            feed.extend(&changeset.feed);
            verdicts.push(Verdict::Accepted);
        }
        let puts = written.values().filter_map(|row| *row).collect();
        let deletes = written.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| *key).collect();
        Self { verdicts, puts, deletes, feed }
    }

    /// The flags that a sealer wants.
    pub(crate) fn accepted(&self) -> Vec<bool> {
        self.verdicts.iter().map(|verdict| *verdict == Verdict::Accepted).collect()
    }

    /// Whether no changeset passed.
    pub(crate) fn is_refused(&self) -> bool {
        !self.verdicts.contains(&Verdict::Accepted)
    }
}

/// The rows whose stored revisions the guards of a batch ask for.
pub(crate) fn guarded(batch: &[Changeset]) -> BTreeSet<RowKey<'_>> {
    batch.iter().flat_map(|changeset| &changeset.guards).map(key).collect()
}

/// Whether a group does nothing but record.
pub(crate) fn is_audit_only(batch: &[Changeset]) -> bool {
    batch.iter().all(Changeset::is_audit_only)
}

fn key(guard: &Guard) -> RowKey<'_> {
    match guard {
        Guard::Absent(collection, id) | Guard::Revision(collection, id, _) => (*collection, id),
    }
}

fn holds<'a>(guard: &'a Guard, revision: impl Fn(RowKey<'a>) -> Option<u64>) -> bool {
    match guard {
        Guard::Absent(..) => revision(key(guard)).is_none(),
        Guard::Revision(_, _, expected) => revision(key(guard)) == Some(*expected),
    }
}

fn effect(write: &Write) -> (RowKey<'_>, Option<&Row>) {
    match write {
        Write::Put(row) => ((row.collection, &row.id), Some(row)),
        Write::Delete(collection, id) => ((*collection, id), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, revision: u64) -> Row {
        let (scope, body, tag) = (String::new(), vec![], vec![]);
        Row { collection: Collection::Key, id: id.into(), scope, due: None, revision, body, tag }
    }

    #[test]
    fn guards_see_earlier_writes_and_refusals_leave_nothing() {
        let guard = |revision| vec![Guard::Revision(Collection::Key, "a".into(), revision)];
        let put = |revision| vec![Write::Put(row("a", revision))];
        let batch = [
            Changeset { guards: guard(1), writes: put(2), ..Changeset::default() },
            Changeset { guards: guard(1), writes: put(9), ..Changeset::default() },
            Changeset { guards: guard(2), writes: put(3), ..Changeset::default() },
        ];
        let plan = Plan::new(&batch, |_| Some(1));
        assert_eq!(plan.accepted(), [true, false, true]);
        assert_eq!(plan.puts, [&row("a", 3)], "of several writes to a row only the last is kept");
        assert_eq!(guarded(&batch).len(), 1);
    }

    #[test]
    fn a_row_is_either_put_or_deleted() {
        let writes = vec![Write::Put(row("a", 1)), Write::Delete(Collection::Key, "a".into())];
        let batch = [Changeset { writes, ..Changeset::default() }];
        let plan = Plan::new(&batch, |_| None);
        assert!(plan.puts.is_empty());
        assert_eq!(plan.deletes, [(Collection::Key, "a")]);
    }
}
