//! Lists, due rows and the change feed.

use hufu_core::changeset::{Changeset, Collection, FeedItem, Row};
use hufu_core::store::{FeedCursor, Page, Store};

use super::Failed;
use super::fixture::{Seals, accept, item, puts, records, row, tells};

const KEY: Collection = Collection::Key;

fn page(after: Option<&str>, limit: u32) -> Page<'_> {
    Page { after, limit }
}

fn ids(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

pub(super) async fn lists(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let in_scope = ["d", "a", "c", "", "b"].map(|id| row(KEY, id, "s", 1));
    let elsewhere = ["a1", "b1"].map(|id| row(KEY, id, "t", 1));
    let unscoped = ["z"].map(|id| row(KEY, id, "", 1));
    accept(store, &mut seals, puts(in_scope.into_iter().chain(elsewhere).chain(unscoped))).await?;
    assert_eq!(ids(&store.list(KEY, "s", page(None, 10)).await?), ["", "a", "b", "c", "d"]);
    assert_eq!(ids(&store.list(KEY, "s", page(None, 2)).await?), ["", "a"]);
    assert_eq!(ids(&store.list(KEY, "s", page(Some(""), 2)).await?), ["a", "b"]);
    assert_eq!(ids(&store.list(KEY, "s", page(Some("a1"), 2)).await?), ["b", "c"], "a cursor need not be a row");
    assert_eq!(ids(&store.list(KEY, "s", page(Some("c"), 2)).await?), ["d"]);
    assert!(store.list(KEY, "s", page(Some("d"), 2)).await?.is_empty());
    assert!(store.list(KEY, "s", page(None, 0)).await?.is_empty());
    assert!(store.list(KEY, "nowhere", page(None, 10)).await?.is_empty());
    assert_eq!(ids(&store.list(KEY, "", page(None, u32::MAX)).await?), ["z"], "the empty scope is one like others");
    Ok(())
}

pub(super) async fn orders_ids_by_bytes(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let mut all =
        ["a", "B", "a-b", "a_b", "ab", "A", "ä", "z", "虎符", "🐅", "e\u{301}", "é", " ", "'\"%_\\", "10", "9"];
    accept(store, &mut seals, puts(all.map(|id| row(KEY, id, "世界", 1)))).await?;
    all.sort_unstable();
    assert_eq!(ids(&store.list(KEY, "世界", page(None, 100)).await?), all);
    let mut seen = Vec::new();
    while seen.len() < all.len() {
        let next = store.list(KEY, "世界", page(seen.last().map(String::as_str), 3)).await?;
        assert!(!next.is_empty());
        seen.extend(next.into_iter().map(|row| row.id));
    }
    assert_eq!(seen, all);
    for id in all {
        assert_eq!(store.get(KEY, id).await?, Some(row(KEY, id, "世界", 1)));
    }
    Ok(())
}

pub(super) async fn last_of_a_scope(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    assert_eq!(store.last(KEY, "s").await?, None);
    let rows = [("b", "s"), ("a", "s"), ("z", "t"), ("c", "")].map(|(id, scope)| row(KEY, id, scope, 1));
    accept(store, &mut seals, puts(rows)).await?;
    assert_eq!(store.last(KEY, "s").await?, Some(row(KEY, "b", "s", 1)));
    assert_eq!(store.last(KEY, "").await?, Some(row(KEY, "c", "", 1)));
    assert_eq!(store.last(Collection::Tenant, "s").await?, None);
    Ok(())
}

pub(super) async fn due_rows(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let due = |id, at| Row { due: at, ..row(KEY, id, "s", 1) };
    let rows = [due("late", Some(30)), due("b", Some(20)), due("a", Some(20)), due("never", None), due("z", Some(0))];
    accept(store, &mut seals, puts(rows)).await?;
    accept(store, &mut seals, puts([Row { due: Some(1), ..row(Collection::Intent, "i", "", 1) }])).await?;
    assert_eq!(ids(&store.due(KEY, u64::MAX, 10).await?), ["z", "a", "b", "late"]);
    assert_eq!(ids(&store.due(KEY, 20, 10).await?), ["z", "a", "b"], "at or before");
    assert_eq!(ids(&store.due(KEY, 19, 10).await?), ["z"]);
    assert_eq!(ids(&store.due(KEY, 0, 10).await?), ["z"]);
    assert_eq!(ids(&store.due(KEY, 100, 2).await?), ["z", "a"], "the longest due first");
    assert!(store.due(KEY, 100, 0).await?.is_empty());
    Ok(())
}

pub(super) async fn feed(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    assert!(store.feed(FeedCursor::default(), 10).await?.is_empty());
    let leaf = FeedItem { leaf: Some("leaf 1".into()), ..item("a") };
    let empty = FeedItem { leaf: Some(String::new()), ..item("") };
    accept(store, &mut seals, Changeset { feed: vec![leaf.clone(), empty.clone(), item("c")], ..records() }).await?;
    accept(store, &mut seals, tells(&["d"])).await?;
    let all = store.feed(FeedCursor::default(), 10).await?;
    assert_eq!(all.iter().map(|entry| &entry.item).collect::<Vec<_>>(), [&leaf, &empty, &item("c"), &item("d")]);
    let (mut seen, mut cursor) = (Vec::new(), FeedCursor::default());
    for limit in [2, 1, 5] {
        let next = store.feed(cursor, limit).await?;
        assert!(next.len() <= limit as usize);
        cursor = next.last().map_or(cursor, |entry| entry.at);
        seen.extend(next);
    }
    assert_eq!(seen, all, "a cursor may stand inside a group");
    assert!(store.feed(cursor, 10).await?.is_empty());
    assert!(store.feed(FeedCursor::default(), 0).await?.is_empty());
    let inside = FeedCursor { order: 1, position: u32::MAX };
    assert_eq!(store.feed(inside, 10).await?.len(), 1);
    Ok(())
}
