//! Several servers on one database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hufu_core::changeset::{Changeset, Collection, Guard};
use hufu_core::store::{Store, Verdict};

use super::Failed;
use super::fixture::{Seals, accept, guarded, puts, records, row, tells};
use super::numbering::{feed_is_whole, hammer};

const COMMITS: usize = 25;
const STATE_CHANGES: usize = 150;

/// Runs the checks that need several handles on one database, opened by `another`; it starts out empty.
///
/// # Errors
/// [`Failed`].
///
/// # Panics
/// When the store breaks a promise of the seam.
pub async fn sharing(another: impl AsyncFn() -> Arc<dyn Store>) -> Result<(), Failed> {
    let handles = [another().await, another().await, another().await];
    assert!(handles.iter().all(|store| store.is_shared()));
    let orders = hammer(&handles, COMMITS).await?;
    let numbers = orders.len();
    assert_eq!(orders, (1..=numbers as u64).collect::<BTreeSet<u64>>(), "gapless across servers");
    let [one, two, three] = handles;
    feed_is_whole(&*two, numbers).await?;
    guards_hold_across(&one, &two).await?;
    withheld_outputs(one, two, three).await
}

/// Two servers count in one row; a guard lets one of them pass each time.
async fn guards_hold_across(one: &Arc<dyn Store>, two: &Arc<dyn Store>) -> Result<(), Failed> {
    accept(&**one, &mut Seals::new("count"), puts([counter(1)])).await?;
    let tasks = [(one.clone(), "count-1"), (two.clone(), "count-2")].map(|(store, writer)| {
        tokio::spawn(async move {
            let (mut seals, mut passed) = (Seals::new(writer), 0);
            while passed < COMMITS {
                let Some(now) = store.get(Collection::Meta, "counter").await? else { break };
                let guard = Guard::Revision(Collection::Meta, "counter".into(), now.revision);
                let next: Changeset = guarded(&guard, puts([counter(now.revision + 1)]));
                let committed = store.commit(&[next], &mut seals).await?;
                passed += usize::from(committed.verdicts == [Verdict::Accepted]);
            }
            Ok::<_, Failed>(())
        })
    });
    for task in tasks {
        task.await??;
    }
    let counted = one.get(Collection::Meta, "counter").await?.map(|row| row.revision);
    assert_eq!(counted, Some(1 + 2 * COMMITS as u64), "no count is lost");
    Ok(())
}

fn counter(revision: u64) -> hufu_core::changeset::Row {
    row(Collection::Meta, "counter", "", revision)
}

/// What the withholding of outputs rests on: an audit-only group that answers less than `n` was durable before the
/// state change `n` was acknowledged; one that begins afterwards answers `n` or more.
async fn withheld_outputs(
    auditing: Arc<dyn Store>,
    changing: Arc<dyn Store>,
    watching: Arc<dyn Store>,
) -> Result<(), Failed> {
    let acknowledged = Arc::new(AtomicU64::new(changing.order().await?));
    let done = Arc::new(AtomicBool::new(false));
    let audit = tokio::spawn(audit_until(auditing, acknowledged.clone(), done.clone()));
    let mut seals = Seals::new("changes");
    let mut seen = Vec::new();
    for _ in 0..STATE_CHANGES {
        let order = accept(&*changing, &mut seals, tells(&["k"])).await?;
        acknowledged.store(order, Ordering::SeqCst);
        let heads = watching.heads().await?;
        let visible = heads.iter().find(|head| head.writer == "audits").map(|head| head.first_seq);
        seen.push((order, visible));
    }
    done.store(true, Ordering::SeqCst);
    let audits = audit.await??;
    assert!(audits.len() > 10, "the two must have run side by side");
    for (first_seq, told) in audits {
        let violated = seen.iter().find(|(order, visible)| told < *order && *visible < Some(first_seq));
        assert_eq!(violated, None, "group {first_seq} was told {told}, and was not there when more was acknowledged");
    }
    Ok(())
}

async fn audit_until(
    store: Arc<dyn Store>,
    acknowledged: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
) -> Result<Vec<(u64, u64)>, Failed> {
    let (mut seals, mut audits) = (Seals::new("audits"), Vec::new());
    while !done.load(Ordering::SeqCst) {
        let floor = acknowledged.load(Ordering::SeqCst);
        let told = accept(&*store, &mut seals, records()).await?;
        assert!(told >= floor, "a state change acknowledged before the group began was not seen");
        audits.push((seals.last_key().first_seq, told));
    }
    Ok(audits)
}
