//! Guards: when they hold, what they see, and what a refusal leaves.

use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::store::{FeedCursor, Store, Verdict};

use super::Failed;
use super::fixture::{Seals, accept, accepted, guarded, item, puts, records, row};

const KEY: Collection = Collection::Key;

fn absent(id: &str) -> Guard {
    Guard::Absent(KEY, id.into())
}

fn at(id: &str, revision: u64) -> Guard {
    Guard::Revision(KEY, id.into(), revision)
}

pub(super) async fn absence(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let create = || guarded(&absent("a"), puts([row(KEY, "a", "", 1)]));
    accept(store, &mut seals, create()).await?;
    let again = store.commit(&[create()], &mut seals).await?;
    assert_eq!(again.verdicts, [Verdict::Refused(absent("a"))]);
    let other_collection = guarded(&Guard::Absent(Collection::Tenant, "a".into()), records());
    accept(store, &mut seals, other_collection).await?;
    accept(store, &mut seals, Changeset { writes: vec![Write::Delete(KEY, "a".into())], ..records() }).await?;
    accept(store, &mut seals, create()).await?;
    Ok(())
}

pub(super) async fn revisions(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    accept(store, &mut seals, puts([row(KEY, "a", "", 5)])).await?;
    for wrong in [0, 4, 6, i64::MAX as u64, u64::MAX] {
        let refused = store.commit(&[guarded(&at("a", wrong), records())], &mut seals).await?;
        assert_eq!(refused.verdicts, [Verdict::Refused(at("a", wrong))]);
    }
    let missing = store.commit(&[guarded(&at("b", 0), records())], &mut seals).await?;
    assert_eq!(missing.verdicts, [Verdict::Refused(at("b", 0))], "no row has no revision, not even 0");
    accept(store, &mut seals, guarded(&at("a", 5), puts([row(KEY, "a", "", 6)]))).await?;
    let two = Changeset { guards: vec![at("a", 6), absent("a"), at("b", 1)], ..records() };
    let refused = store.commit(&[two], &mut seals).await?;
    assert_eq!(refused.verdicts, [Verdict::Refused(absent("a"))], "the first guard that does not hold is named");
    Ok(())
}

pub(super) async fn see_earlier_writes(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let delete = Changeset { writes: vec![Write::Delete(KEY, "a".into())], ..records() };
    let batch = [
        guarded(&absent("a"), puts([row(KEY, "a", "", 1)])),
        guarded(&absent("a"), puts([row(KEY, "a", "", 9)])),
        guarded(&at("a", 1), puts([row(KEY, "a", "", 2)])),
        guarded(&at("a", 1), puts([row(KEY, "b", "", 1)])),
        guarded(&absent("b"), records()),
        guarded(&at("a", 2), delete),
        guarded(&absent("a"), puts([row(KEY, "a", "", 7)])),
    ];
    let committed = store.commit(&batch, &mut seals).await?;
    assert_eq!(accepted(&committed), [true, false, true, false, true, true, true]);
    assert_eq!(store.get(KEY, "a").await?, Some(row(KEY, "a", "", 7)));
    assert_eq!(store.get(KEY, "b").await?, None, "a refused changeset is not seen by later ones");
    Ok(())
}

pub(super) async fn refusals_leave_nothing(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let refused = Changeset {
        guards: vec![at("nothing", 1)],
        writes: vec![Write::Put(row(KEY, "refused", "", 1)), Write::Delete(KEY, "kept".into())],
        feed: vec![item("refused")],
        ..records()
    };
    accept(store, &mut seals, puts([row(KEY, "kept", "", 1)])).await?;
    let accepted_one = Changeset { feed: vec![item("accepted")], ..puts([row(KEY, "accepted", "", 1)]) };
    let committed = store.commit(&[refused, accepted_one, records()], &mut seals).await?;
    assert_eq!(accepted(&committed), [false, true, true]);
    assert_eq!(committed.order, 1);
    assert!(store.get(KEY, "refused").await?.is_none());
    assert!(store.get(KEY, "kept").await?.is_some());
    assert!(store.get(KEY, "accepted").await?.is_some());
    let feed = store.feed(FeedCursor::default(), 10).await?;
    assert_eq!(feed.iter().map(|entry| &entry.item).collect::<Vec<_>>(), [&item("accepted")]);
    assert_eq!(seals.made.last().map(|segment| segment.records.clone()), Some(vec![0, 1, 1]), "flags for the sealer");
    assert_eq!(store.segments(None, 10).await?, seals.made);
    Ok(())
}

pub(super) async fn all_refused(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    let order = accept(store, &mut seals, super::fixture::tells(&["k"])).await?;
    let refused = Changeset { feed: vec![item("k")], ..guarded(&at("a", 1), puts([row(KEY, "a", "", 2)])) };
    let committed = store.commit(&[refused.clone(), refused], &mut seals).await?;
    assert_eq!(accepted(&committed), [false, false]);
    assert_eq!(seals.made.len(), 1, "nothing is sealed");
    assert_eq!((store.order().await?, committed.order), (order, order));
    assert_eq!(store.segments(None, 10).await?.len(), 1);
    assert_eq!(store.feed(FeedCursor::default(), 10).await?.len(), 1);
    let nothing = store.commit(&[], &mut seals).await?;
    assert_eq!((nothing.order, nothing.verdicts.len(), seals.made.len()), (order, 0, 1));
    Ok(())
}

pub(super) async fn without_writes(store: &dyn Store) -> Result<(), Failed> {
    let mut seals = Seals::new("w");
    accept(store, &mut seals, guarded(&absent("a"), records())).await?;
    assert_eq!(store.segments(None, 10).await?, seals.made);
    assert_eq!(store.order().await?, 0);
    Ok(())
}
