//! Which keys and principals have changed since when: the memory behind every cache and every withheld output.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use crate::changeset::{Grant, Subject};

/// Changes remembered one by one; older ones count as "everything changed".
const REMEMBERED_MAX: usize = 65_536;

/// The recent changes in commit order.
///
/// A cache entry notes the order it was loaded at and is good while its subject has not changed since; a grant
/// likewise. Nothing is pushed to anyone.
pub struct Changes {
    recent: RwLock<Recent>,
    applied: AtomicU64,
    confirmed_ms: AtomicU64,
}

struct Recent {
    last: HashMap<Subject, u64>,
    queue: VecDeque<(u64, Subject)>,
    floor: u64,
}

impl Changes {
    /// A memory that begins at a commit order: anything loaded before it counts as changed.
    #[must_use]
    pub fn new(order: u64) -> Self {
        let recent = Recent { last: HashMap::new(), queue: VecDeque::new(), floor: order };
        Self { recent: RwLock::new(recent), applied: AtomicU64::new(order), confirmed_ms: AtomicU64::new(0) }
    }

    /// The commit order up to which every change is known here. Read it *before* loading what is to be cached.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Learns the changes of one number of the commit order. Numbers come in order; one already known is ignored.
    pub fn learn<'a>(&self, order: u64, subjects: impl IntoIterator<Item = &'a Subject>) {
        if order <= self.applied() {
            return;
        }
        let mut recent = self.recent.write();
        for subject in subjects {
            recent.remember(order, subject.clone());
        }
        self.applied.store(order, Ordering::Release);
    }

    /// Whether the subject has changed after that commit order, as far as is known here.
    #[must_use]
    pub fn changed_since(&self, subject: &Subject, epoch: u64) -> bool {
        let recent = self.recent.read();
        epoch < recent.floor || recent.last.get(subject).is_some_and(|at| *at > epoch)
    }

    /// Whether nothing that the grant rests on has changed since it was given.
    #[must_use]
    pub fn upholds(&self, grant: &Grant) -> bool {
        grant.subjects.iter().all(|subject| !self.changed_since(subject, grant.epoch))
    }

    /// Notes that the database was heard from: everything up to [`Self::applied`] is known as of this uptime.
    pub fn confirm(&self, uptime: Duration) {
        self.confirmed_ms.fetch_max(millis(uptime), Ordering::AcqRel);
    }

    /// How long ago the database was last heard from.
    #[must_use]
    pub fn age(&self, uptime: Duration) -> Duration {
        Duration::from_millis(millis(uptime).saturating_sub(self.confirmed_ms.load(Ordering::Acquire)))
    }
}

impl Recent {
    fn remember(&mut self, order: u64, subject: Subject) {
        self.last.insert(subject.clone(), order);
        self.queue.push_back((order, subject));
        while self.queue.len() > REMEMBERED_MAX {
            let Some((forgotten, subject)) = self.queue.pop_front() else { return };
            self.floor = self.floor.max(forgotten);
            if self.last.get(&subject) == Some(&forgotten) {
                self.last.remove(&subject);
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_those_who_loaded_before_it() {
        let changes = Changes::new(5);
        let (a, b) = (Subject::new("a"), Subject::new("b"));
        changes.learn(6, [&a]);
        assert!(changes.changed_since(&a, 5));
        assert!(!changes.changed_since(&a, 6));
        assert!(!changes.changed_since(&b, 5));
        assert!(changes.changed_since(&b, 4), "before the memory begins everything counts as changed");
        assert_eq!(changes.applied(), 6);
        assert!(!changes.upholds(&Grant { epoch: 5, subjects: vec![b, a] }));
    }

    #[test]
    fn memory_is_bounded_and_forgets_safely() {
        let changes = Changes::new(0);
        let first = Subject::new("first");
        changes.learn(1, [&first]);
        for order in 2..(REMEMBERED_MAX as u64 + 3) {
            changes.learn(order, [&Subject::new(&format!("s{order}"))]);
        }
        assert!(changes.changed_since(&first, 0));
        assert!(changes.recent.read().last.len() <= REMEMBERED_MAX);
    }
}
