//! Audit segments.

use hufu_core::changeset::Collection;
use hufu_core::store::{CommitError, SegmentKey, Store};

use super::Failed;
use super::fixture::{Seals, accept, puts, records, row, tells};

fn key(writer: &str, first_seq: u64) -> SegmentKey {
    SegmentKey { writer: writer.into(), first_seq }
}

pub(super) async fn found_and_paged(store: &dyn Store) -> Result<(), Failed> {
    let (mut b, mut a) = (Seals::new("b"), Seals::new("a"));
    assert!(store.segments(None, 10).await?.is_empty());
    for seals in [&mut b, &mut a] {
        accept(store, seals, tells(&["k"])).await?;
        for size in [1, 3, 2] {
            store.commit(&vec![records(); size], seals).await?;
        }
    }
    let all: Vec<_> = a.made.iter().chain(&b.made).cloned().collect();
    assert_eq!(store.segments(None, 100).await?, all, "by writer, then by sequence number, whole");
    assert_eq!(store.segments(None, 3).await?.as_slice(), all.get(..3).unwrap_or_default());
    assert_eq!(store.segments(Some(&key("a", 2)), 3).await?.as_slice(), all.get(3..6).unwrap_or_default());
    assert_eq!(store.segments(Some(&key("a", 1_000)), 100).await?, b.made);
    assert!(store.segments(Some(&b.last_key()), 10).await?.is_empty());
    assert!(store.segments(None, 0).await?.is_empty());
    let newest_first: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(store.segments_before(None, 100).await?, newest_first, "the same, the last first");
    assert_eq!(store.segments_before(None, 3).await?.as_slice(), newest_first.get(..3).unwrap_or_default());
    assert_eq!(store.segments_before(Some(&key("b", 0)), 100).await?.len(), a.made.len());
    assert!(store.segments_before(Some(&key("a", 0)), 10).await?.is_empty());
    for segment in &all {
        assert!(store.segment_exists(&key(&segment.writer, segment.first_seq)).await?);
    }
    for absent in [key("a", 3), key("c", 0), key("", 0), key("a", 1_000)] {
        assert!(!store.segment_exists(&absent).await?);
    }
    Ok(())
}

pub(super) async fn heads(store: &dyn Store) -> Result<(), Failed> {
    assert!(store.heads().await?.is_empty());
    let mut writers: Vec<Seals> = ["b", "", "a", "虎"].iter().map(|name| Seals::new(name)).collect();
    for (seals, commits) in writers.iter_mut().zip([3, 1, 2, 1]) {
        for _ in 0..commits {
            store.commit(&[records(), records()], seals).await?;
        }
    }
    let mut expected: Vec<_> = writers.iter().filter_map(|seals| seals.made.last().cloned()).collect();
    expected.sort_by(|one, other| one.writer.cmp(&other.writer));
    assert_eq!(store.heads().await?, expected);
    Ok(())
}

pub(super) async fn never_twice(store: &dyn Store) -> Result<(), Failed> {
    accept(store, &mut Seals::new("w"), records()).await?;
    let again = store.commit(&[records()], &mut Seals::new("w")).await;
    assert!(matches!(again, Err(CommitError::NotCommitted(_))), "{again:?}");
    let with_rows = [puts([row(Collection::Key, "a", "", 1)]), tells(&["k"])];
    let again = store.commit(&with_rows, &mut Seals::new("w")).await;
    assert!(matches!(again, Err(CommitError::NotCommitted(_))), "{again:?}");
    assert_eq!(store.get(Collection::Key, "a").await?, None);
    assert_eq!((store.order().await?, store.segments(None, 10).await?.len()), (0, 1));
    accept(store, &mut Seals::from("w", 1), tells(&["k"])).await?;
    Ok(())
}
