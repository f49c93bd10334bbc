//! Bundles and checkpoints that are well-formed and wrong.

use hufu_tlog::{Checkpoint, ProofError, SignedNote, VerifierKey};
use hufu_verify::{
    Bundle, BundleError, ENTRIES_MAX, EntryError, Event, HistoryError, Leaf, RevocationReason, Status, VerifyError,
    verify_bundle, verify_checkpoints_consistent, verify_note,
};

use crate::fixture::{Life, Log, ORIGIN, SPKI};

fn refused(bundle: &Bundle, life: &Life) -> VerifyError {
    verify_bundle(&bundle.encode().unwrap(), &life.log.key).unwrap_err()
}

fn entry(entry: usize, error: EntryError) -> VerifyError {
    VerifyError::Entry { entry, error }
}

/// The error when the leaf after the registration is changed before it is logged.
fn refused_leaf(change: impl FnOnce(&mut Leaf)) -> VerifyError {
    let mut life = Life::registered();
    life.add(change);
    life.verify().unwrap_err()
}

#[test]
fn another_key_or_origin_is_refused() {
    let life = Life::registered();
    let bundle = life.bundle().encode().unwrap();
    let verify = |name: &str, key| verify_bundle(&bundle, &VerifierKey::new(name, key).unwrap());
    let public_key = *life.log.key.public_key();
    assert!(verify(ORIGIN, public_key).is_ok());
    assert_eq!(verify("log.example/other", public_key), Err(VerifyError::NotSigned));
    assert_eq!(verify(ORIGIN, [9; 32]), Err(VerifyError::NotSigned));

    // The log's key signs a checkpoint that names another log.
    let checkpoint = Checkpoint { origin: "log.example/other".into(), ..life.log.checkpoint() };
    let note = life.log.sign(&checkpoint.encode().unwrap());
    assert_eq!(verify_note(note.as_bytes(), &life.log.key), Err(VerifyError::Origin));
    let text = life.log.sign("not a checkpoint\n");
    assert!(matches!(verify_note(text.as_bytes(), &life.log.key), Err(VerifyError::Checkpoint(_))));
    assert_eq!(refused_leaf(|leaf| leaf.origin = "log.example/other".into()), entry(1, EntryError::Origin));
}

#[test]
fn a_signature_of_other_bytes_is_refused() {
    let life = Life::registered();
    let note =
        life.log.note().replace(ORIGIN, "log.example/hufv").replace("— log.example/hufv", &format!("— {ORIGIN}"));
    assert_eq!(verify_note(note.as_bytes(), &life.log.key), Err(VerifyError::Signature));
    let mut short = SignedNote::new(&life.log.checkpoint().encode().unwrap()).unwrap();
    short.add_signature(&life.log.key, &[0; 63]).unwrap();
    assert_eq!(verify_note(short.encode().as_bytes(), &life.log.key), Err(VerifyError::Signature));
}

/// With a key of small order and the matching signature, every text verifies under lax rules.
#[test]
fn a_verifier_key_of_small_order_verifies_nothing() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let key = VerifierKey::new(ORIGIN, identity).unwrap();
    let mut note = SignedNote::new(&Life::registered().log.checkpoint().encode().unwrap()).unwrap();
    let mut signature = [0; 64];
    signature[0] = 1;
    note.add_signature(&key, &signature).unwrap();
    assert_eq!(verify_note(note.encode().as_bytes(), &key), Err(VerifyError::Signature));
}

#[test]
fn signatures_of_others_are_passed_over() {
    let log = Life::registered().log;
    let mut note = SignedNote::new(&log.checkpoint().encode().unwrap()).unwrap();
    note.add_signature(&VerifierKey::new("witness.example", [1; 32]).unwrap(), &[0; 72]).unwrap();
    assert_eq!(verify_note(note.encode().as_bytes(), &log.key), Err(VerifyError::NotSigned));
    let own = SignedNote::parse(log.note().as_bytes()).unwrap();
    note.add_signature(&log.key, own.signature_for(&log.key).unwrap()).unwrap();
    assert_eq!(verify_note(note.encode().as_bytes(), &log.key), Ok(log.checkpoint()));
}

#[test]
fn entries_that_are_not_in_the_tree_are_refused() {
    let life = Life::registered().then(&[Event::Activate]);
    let mut moved = life.bundle();
    moved.entries[1].index -= 1;
    assert_eq!(refused(&moved, &life), entry(1, EntryError::NotIncluded(ProofError::Root)));
    let mut outside = life.bundle();
    outside.entries[1].index = 4;
    assert_eq!(refused(&outside, &life), entry(1, EntryError::NotIncluded(ProofError::Range)));
    // A checkpoint from before the last event does not hold it.
    let later = Life::registered().then(&[Event::Activate, Event::Revoke]);
    let old = Bundle { checkpoint: life.log.note(), ..later.bundle() };
    assert!(matches!(refused(&old, &later), VerifyError::Entry { entry: 0, error: EntryError::NotIncluded(_) }));
}

#[test]
fn gaps_repetitions_and_other_orders_are_refused() {
    let life = Life::registered().then(&[Event::Activate, Event::Suspend]);
    let without = |at: usize| {
        let mut bundle = life.bundle();
        bundle.entries.remove(at);
        bundle
    };
    assert_eq!(refused(&without(0), &life), entry(0, EntryError::Sequence));
    assert_eq!(refused(&without(1), &life), entry(1, EntryError::Sequence));
    // Leaving out the end cannot be seen: that is why a report speaks of the last event shown.
    assert_eq!(verify_bundle(&without(2).encode().unwrap(), &life.log.key).unwrap().status, Status::Active);
    let mut repeated = life.bundle();
    repeated.entries.insert(1, repeated.entries[0].clone());
    assert_eq!(refused(&repeated, &life), entry(1, EntryError::Order));
    let mut swapped = life.bundle();
    swapped.entries.swap(1, 2);
    assert_eq!(refused(&swapped, &life), entry(1, EntryError::Sequence));
}

#[test]
fn leaves_that_do_not_continue_the_chain_are_refused() {
    assert_eq!(refused_leaf(|leaf| leaf.sequence = 2), entry(1, EntryError::Sequence));
    assert_eq!(refused_leaf(|leaf| leaf.previous = Some([0; 32])), entry(1, EntryError::Previous));
    assert_eq!(refused_leaf(|leaf| leaf.key_id = Some([0; 32])), entry(1, EntryError::PublicKey));
    assert_eq!(refused_leaf(|leaf| leaf.algorithm = Some("p384".into())), entry(1, EntryError::Algorithm));
    let illegal = HistoryError::Illegal { event: Event::Resume, status: Status::PreActive };
    assert_eq!(refused_leaf(|leaf| leaf.event = Event::Resume), entry(1, EntryError::History(illegal)));
}

#[test]
fn another_public_key_or_another_key_in_between_is_refused() {
    let life = Life::registered();
    let bundle = Bundle { public_key: Some([SPKI, b"!"].concat()), ..life.bundle() };
    assert_eq!(refused(&bundle, &life), entry(0, EntryError::PublicKey));
    let mut life = Life::registered();
    life.add(|leaf| leaf.key_id = Some([0; 32]));
    let bundle = Bundle { public_key: None, ..life.bundle() };
    assert_eq!(refused(&bundle, &life), entry(1, EntryError::KeyId));
}

#[test]
fn unknown_events_are_never_good() {
    for code in [0, 12, 99, u64::MAX] {
        for reason in [None, Some(RevocationReason::Unspecified)] {
            let error = refused_leaf(|leaf| {
                leaf.event = Event::from_code(code);
                leaf.reason = reason;
            });
            assert_eq!(error, entry(1, EntryError::History(HistoryError::Unknown(code))));
        }
    }
}

#[test]
fn nothing_follows_a_revocation_but_destruction() {
    for event in [Event::Activate, Event::Resume, Event::Rotate, Event::Suspend, Event::Register] {
        let life = Life::registered().then(&[Event::Activate, Event::Revoke, event]);
        let illegal = HistoryError::Illegal { event, status: Status::Compromised };
        assert_eq!(life.verify(), Err(entry(2 + 1, EntryError::History(illegal))));
    }
    assert!(Life::registered().then(&[Event::Activate, Event::Revoke, Event::Destroy]).verify().is_ok());
}

#[test]
fn bundles_are_bounded() {
    let bundle = Life::registered().bundle();
    let with_entries = |count: usize| Bundle { entries: vec![bundle.entries[0].clone(); count], ..bundle.clone() };
    assert_eq!(with_entries(0).encode(), Err(BundleError::Entries));
    assert_eq!(with_entries(ENTRIES_MAX + 1).encode(), Err(BundleError::Entries));
    let mut long = bundle.clone();
    long.entries[0].leaf = vec![0; hufu_verify::LEAF_LEN_MAX + 1];
    assert_eq!(long.encode(), Err(BundleError::Entries));
    let mut deep = bundle.clone();
    deep.entries[0].proof = vec![hufu_tlog::Hash([0; 32]); 65];
    assert_eq!(deep.encode(), Err(BundleError::Entries));
    let empty_key = Bundle { public_key: Some(Vec::new()), ..bundle.clone() };
    assert_eq!(empty_key.encode(), Err(BundleError::PublicKey));
    let long_note = Bundle { checkpoint: "a".repeat(65 * 1024), ..bundle };
    assert_eq!(long_note.encode(), Err(BundleError::Checkpoint));
    assert_eq!(Bundle::decode(&vec![0; hufu_verify::BUNDLE_LEN_MAX + 1]), Err(BundleError::TooLong));
    // An array that says it is huge is refused before anything is made for it.
    let huge = b"\x83\x6bhufu-bundle\x01\xa2\x00\x60\x02\x9b\xff\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(Bundle::decode(huge), Err(BundleError::Malformed));
}

#[test]
fn checkpoints_of_one_log_are_consistent_and_forks_are_not() {
    let mut log = Log::new(ORIGIN);
    log.append(b"one");
    log.append(b"two");
    log.append(b"three");
    let old = log.checkpoint();
    let mut fork = Log::new(ORIGIN);
    for entry in [b"one", b"two", b"tre", b"for", b"fiv"] {
        fork.append(entry);
    }
    log.append(b"four");
    log.append(b"five");
    let (new, proof) = (log.checkpoint(), log.consistency(3));
    assert_eq!(verify_checkpoints_consistent(&old, &new, &proof), Ok(()));
    let forked = verify_checkpoints_consistent(&old, &fork.checkpoint(), &fork.consistency(3));
    assert_eq!(forked, Err(VerifyError::Inconsistent(ProofError::Root)));
    let back = verify_checkpoints_consistent(&new, &old, &proof);
    assert_eq!(back, Err(VerifyError::Inconsistent(ProofError::Range)));
    let other = Checkpoint { origin: "other".into(), ..new };
    assert_eq!(verify_checkpoints_consistent(&old, &other, &proof), Err(VerifyError::Origin));
}
