//! Many keys.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hufu_sdk::NewKey;
use hufu_sdk::v1::{Algorithm, Protection};
use hufu_softhsm_tests::Daemon;
use tokio::task::JoinSet;

/// Callers that create keys beside each other: their changes share commits.
const CREATORS: usize = 128;

/// Resource name of a key.
pub(crate) fn resource(number: u32) -> String {
    format!("tenants/dev/keys/{}", id(number))
}

fn id(number: u32) -> String {
    format!("k{number:06}")
}

/// Creates keys through the API, as clients would.
pub(crate) async fn create(daemon: &Daemon, numbers: Range<u32>) {
    let client = daemon.client("admin").with_timeout(Duration::from_secs(300));
    let next = Arc::new(AtomicU32::new(numbers.start));
    let creators: JoinSet<()> = (0..CREATORS)
        .map(|_| {
            let (client, next, end) = (client.clone(), next.clone(), numbers.end);
            async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return;
                    }
                    let key = NewKey::new(id(number), Algorithm::P256, Protection::Software);
                    client.create_key(key).await.unwrap();
                }
            }
        })
        .collect();
    creators.join_all().await;
}

/// Waits until every leaf of the keys is under a checkpoint.
pub(crate) async fn settled(daemon: &Daemon) {
    let client = daemon.client("admin");
    while client.status().await.unwrap().ledger.is_none_or(|ledger| ledger.pending_leaves > 0) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
