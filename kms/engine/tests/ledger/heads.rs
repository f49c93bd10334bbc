//! Heads of the audit chain on the log.

use hufu_core::changeset::Collection;
use hufu_verify::{Event, Leaf};

use crate::world::{Server, World};

fn heads(world: &World, server: &Server) -> Vec<Leaf> {
    let state = world.snapshot();
    let leaves = state.rows[&Collection::Leaf].values();
    let scope = format!("audit/{}", server.writer);
    leaves.filter(|row| row.scope == scope).map(|row| Leaf::decode(&row.body).unwrap()).collect()
}

#[tokio::test]
async fn the_head_is_recorded_when_others_have_recorded_something() {
    let mut world = World::new();
    let server = world.server().await;
    assert!(!server.sequencer.audit_head().await.unwrap(), "nothing was recorded");
    server.record().await;
    let trail = server.journal.progress().borrow().clone();
    assert!(server.sequencer.audit_head().await.unwrap());
    server.drain().await;
    assert!(!server.sequencer.audit_head().await.unwrap(), "its own work does not count");
    server.record().await;
    assert!(server.sequencer.audit_head().await.unwrap());
    server.drain().await;
    assert_eq!(server.ledger.size().await.unwrap(), 2);
    let heads = heads(&world, &server);
    assert_eq!(heads.len(), 2);
    let first = &heads[0];
    assert_eq!((first.event, first.key_id, first.evidence), (Event::AuditHead, None, trail.head));
    assert_eq!(first.extensions["writer"], server.writer.as_bytes());
    assert_eq!(first.extensions["next-seq"], trail.next_seq.to_be_bytes());
    assert_eq!(heads[1].previous, Some(hufu_tlog::leaf_hash(&first.encode().unwrap()).0));
}
