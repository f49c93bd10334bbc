//! The memory store keeps the promises of the seam.

use std::sync::Arc;

use hufu_conformance::store;
use hufu_core::store::Store;
use hufu_storage::MemoryStore;

#[tokio::test]
async fn passes_the_suite() {
    store::suite(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await.unwrap();
}

#[tokio::test]
async fn several_servers_may_share_it() {
    let one = Arc::new(MemoryStore::new().shared());
    store::sharing(async || one.clone() as Arc<dyn Store>).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_goes_on() {
    let before = parking_lot::Mutex::new(Arc::new(MemoryStore::new()));
    let reopen = async || {
        let mut current = before.lock();
        *current = Arc::new(MemoryStore::from_state(current.snapshot()));
        current.clone() as Arc<dyn Store>
    };
    store::reopening(reopen).await.unwrap();
}
