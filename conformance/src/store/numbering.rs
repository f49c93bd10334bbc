//! The commit order.

use std::collections::BTreeSet;
use std::sync::Arc;

use hufu_core::changeset::Collection;
use hufu_core::store::{FeedCursor, Store};

use super::Failed;
use super::fixture::{Seals, accept, item, numbered_writer, puts, records, row, tells};

const TASKS: usize = 4;
const COMMITS: usize = 12;

pub(super) async fn a_group_takes_one_number(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    assert_eq!(store.order().await?, 0);
    assert_eq!(accept(store, &mut seals, puts([row(Collection::Key, "a", "", 1)])).await?, 0, "rows alone take none");
    let batch = [tells(&["a", "b"]), records(), tells(&["c"])];
    assert_eq!(store.commit(&batch, &mut seals).await?.order, 1);
    assert_eq!(store.commit(&batch, &mut seals).await?.order, 2);
    let feed = store.feed(FeedCursor::default(), 100).await?;
    let seen: Vec<_> = feed.iter().map(|entry| (entry.at.order, entry.at.position, &*entry.item.subject.0)).collect();
    assert_eq!(seen, [(1, 0, "a"), (1, 1, "b"), (1, 2, "c"), (2, 0, "a"), (2, 1, "b"), (2, 2, "c")]);
    Ok(())
}

pub(super) async fn audit_only_tells_the_newest(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    assert_eq!(accept(store, &mut seals, records()).await?, 0);
    for expected in 1..=3 {
        assert_eq!(accept(store, &mut seals, tells(&["k"])).await?, expected);
        let group = [records(), records()];
        assert_eq!(store.commit(&group, &mut seals).await?.order, expected);
        assert_eq!(store.order().await?, expected);
    }
    assert_eq!(store.segments(None, 100).await?, seals.made);
    Ok(())
}

pub(super) async fn gapless_under_concurrency(store: Arc<dyn Store>) -> Result<(), Failed> {
    let orders = hammer(std::slice::from_ref(&store), COMMITS).await?;
    let expected: BTreeSet<u64> = (1..=(TASKS * COMMITS) as u64).collect();
    assert_eq!(orders, expected, "every number once, none left out");
    feed_is_whole(&*store, TASKS * COMMITS).await
}

/// State-changing and audit-only groups from several tasks over several handles; tells the numbers that they took.
pub(super) async fn hammer(handles: &[Arc<dyn Store>], commits: usize) -> Result<BTreeSet<u64>, Failed> {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = handles.get(task % handles.len()).cloned();
            tokio::spawn(async move {
                let (mut seals, mut orders) = (numbered_writer("task", task), Vec::new());
                for _ in 0..commits {
                    let Some(store) = &store else { continue };
                    let before = accept(&**store, &mut seals, records()).await?;
                    let own = accept(&**store, &mut seals, tells(&["k"])).await?;
                    assert!(own > before, "what a group has seen was committed before it");
                    orders.push(own);
                }
                Ok::<_, Failed>(orders)
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for task in tasks {
        for order in task.await?? {
            assert!(all.insert(order), "number {order} was given twice");
        }
    }
    Ok(all)
}

/// The feed has one entry for each number.
pub(super) async fn feed_is_whole(store: &dyn Store, numbers: usize) -> Result<(), Failed> {
    let feed = store.feed(FeedCursor::default(), u32::MAX).await?;
    assert_eq!(feed.len(), numbers);
    for (entry, order) in feed.iter().zip(1..) {
        assert_eq!((entry.at, &entry.item), (FeedCursor { order, position: 0 }, &item("k")));
    }
    Ok(())
}
