//! Random histories, compared with the model. A seed that fails does so again.

use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Subject, Write};
use hufu_core::store::{FeedCursor, Page, Store, Verdict};

use super::Failed;
use super::fixture::{Seals, records};
use super::model::Model;

const STEPS: u64 = 25;
const COLLECTIONS: [Collection; 2] = [Collection::Key, Collection::Leaf];
const IDS: [&str; 6] = ["", "a", "A", "ab", "b", "符"];
const SCOPES: [&str; 3] = ["", "s", "t"];

/// Commits random batches and reads everything after each.
pub(super) async fn history(store: &dyn Store, seed: u64) -> Result<(), Failed> {
    let (mut random, mut model, mut seals) = (Random(seed), Model::default(), Seals::new("w"));
    for step in 0..STEPS {
        let batch: Vec<Changeset> = (0..random.below(6)).map(|_| random.changeset()).collect();
        let sealed = seals.made.len();
        let committed = store.commit(&batch, &mut seals).await?;
        assert_eq!(committed, model.commit(&batch), "seed {seed}, step {step}: {batch:?}");
        let any = committed.verdicts.contains(&Verdict::Accepted);
        assert_eq!(seals.made.len() - sealed, usize::from(any), "seed {seed}, step {step}");
        compare(store, &model, &seals, seed).await?;
    }
    Ok(())
}

async fn compare(store: &dyn Store, model: &Model, seals: &Seals, seed: u64) -> Result<(), Failed> {
    for collection in COLLECTIONS {
        for id in IDS {
            assert_eq!(store.get(collection, id).await?, model.get(collection, id), "seed {seed}");
        }
        for scope in SCOPES {
            let expected = model.list(collection, scope);
            let page = Page { after: None, limit: 100 };
            assert_eq!(store.last(collection, scope).await?.as_ref(), expected.last(), "seed {seed}");
            assert_eq!(store.list(collection, scope, page).await?, expected, "seed {seed}");
        }
        assert_eq!(store.due(collection, 4, 100).await?, model.due(collection, 4), "seed {seed}");
    }
    assert_eq!(store.order().await?, model.order, "seed {seed}");
    assert_eq!(store.feed(FeedCursor::default(), 10_000).await?, model.feed, "seed {seed}");
    assert_eq!(store.segments(None, 10_000).await?, seals.made, "seed {seed}");
    Ok(())
}

/// A small generator (splitmix64): the same histories everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<T: Clone + Default>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len() as u64);
        from.get(usize::try_from(at).unwrap_or_default()).cloned().unwrap_or_default()
    }

    fn collection(&mut self) -> Collection {
        if self.below(2) == 0 { Collection::Key } else { Collection::Leaf }
    }

    fn changeset(&mut self) -> Changeset {
        Changeset {
            guards: (0..self.below(3)).map(|_| self.guard()).collect(),
            writes: (0..self.below(4)).map(|_| self.write()).collect(),
            feed: (0..self.below(3)).map(|_| self.item()).collect(),
            ..records()
        }
    }

    fn guard(&mut self) -> Guard {
        let (collection, id) = (self.collection(), self.pick(&IDS).into());
        if self.below(2) == 0 {
            Guard::Absent(collection, id)
        } else {
            Guard::Revision(collection, id, self.below(4))
        }
    }

    fn write(&mut self) -> Write {
        let (collection, id) = (self.collection(), self.pick(&IDS).into());
        if self.below(4) == 0 {
            return Write::Delete(collection, id);
        }
        let due = (self.below(2) == 0).then(|| self.below(8));
        let body = self.next().to_be_bytes().to_vec();
        let scope = self.pick(&SCOPES).into();
        Write::Put(Row { collection, id, scope, due, revision: self.below(4), body, tag: vec![] })
    }

    fn item(&mut self) -> FeedItem {
        let leaf = (self.below(2) == 0).then(|| self.pick(&IDS).into());
        FeedItem { subject: Subject::new(self.pick(&IDS)), leaf }
    }
}
