//! What a database cannot hold is refused whole, never bent.

use hufu_core::changeset::{Changeset, Collection, FeedItem, Row, Write};
use hufu_core::store::{CommitError, FeedCursor, Page, SegmentKey, Store};

use super::Failed;
use super::fixture::{Seals, accept, item, puts, records, row, tells};

const KEY: Collection = Collection::Key;
const GREATEST: u64 = i64::MAX as u64;

pub(super) async fn greatest_numbers(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::from("w", GREATEST - 10);
    let greatest = Row { due: Some(GREATEST), ..row(KEY, "a", "", GREATEST) };
    accept(store, &mut seals, puts([greatest.clone()])).await?;
    assert_eq!(store.get(KEY, "a").await?, Some(greatest.clone()));
    assert_eq!(store.due(KEY, u64::MAX, 1).await?.as_slice(), std::slice::from_ref(&greatest));
    assert_eq!(store.due(KEY, GREATEST, 1).await?, [greatest]);
    assert_eq!(store.segments(None, 1).await?, seals.made);
    assert!(store.segment_exists(&seals.last_key()).await?);
    Ok(())
}

pub(super) async fn what_no_database_holds(store: &dyn Store) -> Result<(), Failed> {
    let too_great = GREATEST + 1;
    let bad = [
        puts([row(KEY, "bad", "", too_great)]),
        puts([row(KEY, "bad", "", u64::MAX)]),
        puts([Row { due: Some(too_great), ..row(KEY, "bad", "", 1) }]),
        puts([row(KEY, "bad\0", "", 1)]),
        puts([row(KEY, "bad", "\0", 1)]),
        Changeset { writes: vec![Write::Delete(KEY, "\0".into())], ..records() },
        tells(&["a\0b"]),
        Changeset { feed: vec![FeedItem { leaf: Some("\0".into()), ..item("a") }], ..records() },
    ];
    for changeset in bad {
        let mut seals = Seals::new("w");
        let outcome = store.commit(&[tells(&["good"]), changeset], &mut seals).await;
        assert!(matches!(outcome, Err(CommitError::NotCommitted(_))), "{outcome:?}");
    }
    for mut seals in [Seals::from("w", too_great), Seals::from("w", GREATEST), Seals::new("w\0")] {
        for changeset in [records(), puts([row(KEY, "bad", "", 1)])] {
            let outcome = store.commit(&[changeset], &mut seals).await;
            assert!(matches!(outcome, Err(CommitError::NotCommitted(_))), "{outcome:?}");
        }
    }
    assert_eq!(store.order().await?, 0);
    assert_eq!(store.get(KEY, "bad").await?, None);
    assert!(store.segments(None, 1).await?.is_empty());
    accept(store, &mut Seals::new("w"), records()).await?;
    Ok(())
}

pub(super) async fn searches_beyond(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("a");
    accept(store, &mut seals, tells(&["k"])).await?;
    accept(store, &mut seals, puts(["a", "b"].map(|id| row(KEY, id, "s", 1)))).await?;
    assert_eq!(store.get(KEY, "a\0").await?, None);
    assert_eq!(store.last(KEY, "s\0").await?, None);
    assert!(store.list(KEY, "s\0", Page { after: None, limit: 1 }).await?.is_empty());
    let after = store.list(KEY, "s", Page { after: Some("a\0x"), limit: 9 }).await?;
    assert_eq!(after, [row(KEY, "b", "s", 1)]);
    assert!(store.feed(FeedCursor { order: u64::MAX, position: u32::MAX }, 9).await?.is_empty());
    for beyond in [("a", u64::MAX), ("a\0", 0), ("b", 0)] {
        let key = SegmentKey { writer: beyond.0.into(), first_seq: beyond.1 };
        assert!(!store.segment_exists(&key).await?);
        assert!(store.segments(Some(&key), 9).await?.is_empty());
    }
    Ok(())
}
