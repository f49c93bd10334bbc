//! What was acknowledged is there when the store is opened again.

use std::sync::Arc;

use hufu_core::changeset::{Collection, Guard};
use hufu_core::store::{FeedCursor, Page, Store};

use super::Failed;
use super::fixture::{Seals, accept, guarded, puts, records, row, tells};

const ROUNDS: u64 = 4;

/// Opens the same database again and again, and finds everything each time.
///
/// # Errors
/// [`Failed`].
///
/// # Panics
/// When something acknowledged is gone.
pub async fn reopening(open: impl AsyncFn() -> Arc<dyn Store>) -> Result<(), Failed> {
    let mut made = Vec::new();
    for round in 0..ROUNDS {
        let store = open().await;
        assert_eq!(store.order().await?, round);
        assert_eq!(store.segments(None, 1_000).await?, made);
        assert_eq!(store.list(Collection::Key, "s", Page { after: None, limit: 100 }).await?.len() as u64, round);
        assert_eq!(store.feed(FeedCursor::default(), 100).await?.len() as u64, 2 * round);
        let mut seals = Seals::new(&format!("start-{round}"));
        let id = format!("key {round}");
        let create = guarded(&Guard::Absent(Collection::Key, id.clone()), puts([row(Collection::Key, &id, "s", 1)]));
        store.commit(&[create, tells(&["a", "b"])], &mut seals).await?;
        assert_eq!(accept(&*store, &mut seals, records()).await?, round + 1);
        made.append(&mut seals.made);
    }
    Ok(())
}
