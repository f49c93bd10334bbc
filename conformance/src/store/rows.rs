//! Single rows.

use hufu_core::changeset::{Changeset, Collection, Row, Write};
use hufu_core::store::{Page, Store};

use super::Failed;
use super::fixture::{Seals, accept, puts, records, row};

const KEY: Collection = Collection::Key;

fn deletes(id: &str) -> Changeset {
    Changeset { writes: vec![Write::Delete(KEY, id.into())], ..records() }
}

pub(super) async fn put_replace_delete(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    assert_eq!(store.get(KEY, "a").await?, None);
    let first = Row { due: Some(5), ..row(KEY, "a", "one", 1) };
    accept(store, &mut seals, puts([first.clone()])).await?;
    assert_eq!(store.get(KEY, "a").await?, Some(first));
    let second = Row { due: None, tag: vec![], ..row(KEY, "a", "two", 2) };
    accept(store, &mut seals, puts([second.clone()])).await?;
    assert_eq!(store.get(KEY, "a").await?, Some(second.clone()), "every column is replaced");
    let page = Page { after: None, limit: 10 };
    assert_eq!(store.list(KEY, "one", page).await?, [], "the row has moved to another scope");
    assert_eq!(store.list(KEY, "two", page).await?, [second]);
    assert_eq!(store.due(KEY, u64::MAX, 10).await?, [], "and is not due any more");
    accept(store, &mut seals, deletes("a")).await?;
    assert_eq!(store.get(KEY, "a").await?, None);
    accept(store, &mut seals, deletes("a")).await?;
    accept(store, &mut seals, deletes("never there")).await?;
    Ok(())
}

pub(super) async fn several_writes_to_a_row(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let put = |id, revision| Write::Put(row(KEY, id, "s", revision));
    let delete = |id: &str| Write::Delete(KEY, id.into());
    let writes = vec![put("a", 1), put("a", 2), put("b", 1), delete("b"), delete("c"), put("c", 1)];
    accept(store, &mut seals, Changeset { writes, ..records() }).await?;
    let found = store.list(KEY, "s", Page { after: None, limit: 10 }).await?;
    assert_eq!(found, [row(KEY, "a", "s", 2), row(KEY, "c", "s", 1)], "the last write to a row counts");
    Ok(())
}

pub(super) async fn collections_are_apart(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    accept(store, &mut seals, puts(Collection::ALL.map(|collection| row(collection, "same", "same", 1)))).await?;
    accept(store, &mut seals, deletes("same")).await?;
    for collection in Collection::ALL {
        let expected = (collection != KEY).then(|| row(collection, "same", "same", 1));
        assert_eq!(store.get(collection, "same").await?, expected);
        assert_eq!(store.last(collection, "same").await?, expected);
    }
    Ok(())
}

pub(super) async fn bodies_of_any_size(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let pattern =
        |length: usize| (0..length).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect::<Vec<u8>>();
    for length in [0, 1, 1_000, 4_096, 65_537, 1 << 20] {
        let big = Row { body: pattern(length), tag: pattern(length % 100), ..row(KEY, "big", "", 1) };
        accept(store, &mut seals, puts([big.clone()])).await?;
        assert_eq!(store.get(KEY, "big").await?, Some(big));
    }
    let many: Vec<Row> = (0..300).map(|number| row(KEY, &format!("row {number:03}"), "many", number + 1)).collect();
    accept(store, &mut seals, puts(many.clone())).await?;
    assert_eq!(store.list(KEY, "many", Page { after: None, limit: 1_000 }).await?, many);
    Ok(())
}
