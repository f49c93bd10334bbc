use super::*;
use hufu_core::changeset::{FeedItem, Subject};

struct Seals(u64);

impl Sealer for Seals {
    fn seal(&mut self, accepted: &[bool]) -> Segment {
        let first_seq = self.0;
        self.0 += accepted.len() as u64;
        let count = u32::try_from(accepted.len()).unwrap();
        let (previous_head, head) = ([0; 32], [0; 32]);
        Segment { writer: "w".into(), first_seq, count, previous_head, head, records: vec![], sealed_at: 0 }
    }
}

fn telling() -> [Changeset; 1] {
    [Changeset { feed: vec![FeedItem { subject: Subject::new("k"), leaf: None }], ..Changeset::default() }]
}

#[tokio::test]
async fn faults_do_what_they_say() {
    let faults = [
        (Fault::None, 1, 1),
        (Fault::NotCommitted, 0, 0),
        (Fault::NotCommittedAfterSealing, 0, 1),
        (Fault::UnknownApplied, 1, 1),
        (Fault::UnknownNotApplied, 0, 1),
    ];
    for (fault, applied, sealed) in faults {
        let store = MemoryStore::new();
        store.set_faults(move |_: &[Changeset]| fault);
        let mut sealer = Seals(0);
        let outcome = store.commit(&telling(), &mut sealer).await;
        assert_eq!(outcome.is_ok(), fault == Fault::None);
        assert_eq!(
            matches!(outcome, Err(CommitError::Unknown(_))),
            matches!(fault, Fault::UnknownApplied | Fault::UnknownNotApplied)
        );
        let key = SegmentKey { writer: "w".into(), first_seq: 0 };
        assert_eq!(store.segment_exists(&key).await.unwrap(), applied == 1);
        assert_eq!((store.order().await.unwrap(), sealer.0), (applied, sealed), "{fault:?}");
    }
}

#[tokio::test]
async fn a_dropped_commit_has_either_happened_or_not() {
    use std::task::{Context, Waker};
    for polls in 0..3 {
        let store = MemoryStore::new();
        let (batch, mut sealer) = (telling(), Seals(0));
        let mut commit = store.commit(&batch, &mut sealer);
        for _ in 0..polls {
            let _ = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        drop(commit);
        assert_eq!(store.snapshot().order, u64::from(polls == 2));
    }
}

#[tokio::test]
async fn an_unavailable_store_says_so_and_keeps_all() {
    let store = MemoryStore::new();
    store.commit(&telling(), &mut Seals(0)).await.unwrap();
    store.set_available(false);
    assert!(matches!(store.order().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.commit(&telling(), &mut Seals(1)).await, Err(CommitError::NotCommitted(_))));
    let again = MemoryStore::from_state(store.snapshot());
    assert_eq!(again.order().await.unwrap(), 1);
}
