//! The leaf format: one encoding for each leaf, and only leaves that make sense.

use std::collections::BTreeMap;

use hufu_verify::{EXTENSIONS_MAX, Event, LEAF_LEN_MAX, Leaf, LeafError, RevocationReason, key_id_for_public_key};
use proptest::prelude::*;

use crate::fixture::blank;

/// The fields of a small audit-head leaf, each with its key, in the order of their keys.
const FIELDS: [&str; 5] = [
    "00 61 6f",
    "01 00",
    "03 0b",
    "06 07",
    "0b 5820 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
];

const HEADER: &str = "83 69 687566752d6c656166";

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn small() -> Leaf {
    Leaf { origin: "o".into(), key_id: None, at: 7, ..blank(Event::AuditHead) }
}

fn decode(text: &str) -> Result<Leaf, LeafError> {
    Leaf::decode(&unhex(text))
}

#[test]
fn the_encoding_is_exactly_this() {
    let bytes = unhex(&format!("{HEADER} 01 a5 {}", FIELDS.concat()));
    assert_eq!(small().encode(), Ok(bytes.clone()));
    assert_eq!(Leaf::decode(&bytes), Ok(small()));
}

#[test]
fn extensions_are_ordered_by_their_encodings() {
    let extensions = BTreeMap::from([("aa".into(), vec![1]), ("b".into(), vec![2]), ("ab".into(), vec![])]);
    let bytes = unhex(&format!("{HEADER} 01 a6 {} 0c a3 61 62 41 02 62 6161 41 01 62 6162 40", FIELDS.concat()));
    let leaf = Leaf { extensions, ..small() };
    assert_eq!(leaf.encode(), Ok(bytes.clone()));
    assert_eq!(Leaf::decode(&bytes), Ok(leaf));
    let unordered = format!("{HEADER} 01 a6 {} 0c a2 62 6161 41 01 61 62 41 02", FIELDS.concat());
    assert_eq!(decode(&unordered), Err(LeafError::NotCanonical));
}

#[test]
fn other_encodings_of_the_same_are_refused() {
    let fields = FIELDS.concat();
    let [origin, sequence, event, at, evidence] = FIELDS;
    let refused = [
        (format!("{HEADER} 1801 a5 {fields}"), LeafError::NotCanonical),
        (format!("{HEADER} 01 b805 {fields}"), LeafError::NotCanonical),
        (format!("{HEADER} 01 bf {fields} ff"), LeafError::NotCanonical),
        (format!("9f {} 01 a5 {fields} ff", &HEADER[3..]), LeafError::Format),
        (format!("{HEADER} 01 a5 {fields} 00"), LeafError::NotCanonical),
        (format!("{HEADER} 01 a5 {sequence} {origin} {event} {at} {evidence}"), LeafError::NotCanonical),
        (format!("{HEADER} 01 a6 {origin} {sequence} {sequence} {event} {at} {evidence}"), LeafError::NotCanonical),
        (format!("{HEADER} 01 a6 {origin} {sequence} 02 f6 {event} {at} {evidence}"), LeafError::NotCanonical),
        (format!("{HEADER} 01 a5 {origin} {sequence} {event} 06 1807 {evidence}"), LeafError::NotCanonical),
        (format!("{HEADER} 01 a6 {fields} 0c a0"), LeafError::NotCanonical),
        (format!("{HEADER} 01 a6 {fields} 0d 00"), LeafError::NotCanonical),
        (format!("{HEADER} 01 a4 {origin} {sequence} {event} {at}"), LeafError::Malformed),
        (format!("{HEADER} 01 a6 {fields} 0c bb ffffffffffffffff"), LeafError::Malformed),
        (format!("{HEADER} 02 a5 {fields}"), LeafError::Format),
        (format!("83 69 687566752d6c656167 01 a5 {fields}"), LeafError::Format),
        (String::new(), LeafError::Malformed),
    ];
    for (text, error) in refused {
        assert_eq!(decode(&text), Err(error), "{text}");
    }
}

#[test]
fn leaves_that_make_no_sense_are_neither_written_nor_read() {
    let revoke = Leaf { reason: Some(RevocationReason::KeyCompromise), ..blank(Event::Revoke) };
    let hold = Some(RevocationReason::CertificateHold);
    let named = |name: &str| BTreeMap::from([(name.to_owned(), vec![])]);
    let many = (0..=EXTENSIONS_MAX).map(|n| (n.to_string(), vec![])).collect();
    let refused = [
        (Leaf { origin: String::new(), ..small() }, LeafError::Origin),
        (Leaf { origin: "a\nb".into(), ..small() }, LeafError::Origin),
        (Leaf { origin: "a".repeat(256), ..small() }, LeafError::Origin),
        (Leaf { sequence: 1, ..small() }, LeafError::Previous),
        (Leaf { previous: Some([0; 32]), ..small() }, LeafError::Previous),
        (Leaf { key_id: Some([0; 32]), ..small() }, LeafError::KeyId),
        (Leaf { key_id: None, ..blank(Event::Register) }, LeafError::KeyId),
        (Leaf { algorithm: Some(String::new()), ..small() }, LeafError::Algorithm),
        (Leaf { algorithm: Some("p 256".into()), ..small() }, LeafError::Algorithm),
        (Leaf { reason: None, ..revoke.clone() }, LeafError::Reason),
        (Leaf { reason: hold, ..revoke.clone() }, LeafError::Reason),
        (Leaf { reason: revoke.reason, ..blank(Event::Suspend) }, LeafError::Reason),
        (Leaf { reason: revoke.reason, ..blank(Event::Destroy) }, LeafError::Reason),
        (Leaf { compromised_at: Some(1), ..blank(Event::Suspend) }, LeafError::CompromisedAt),
        (Leaf { extensions: named(""), ..small() }, LeafError::Extensions),
        (Leaf { extensions: named("a b"), ..small() }, LeafError::Extensions),
        (Leaf { extensions: many, ..small() }, LeafError::Extensions),
        (Leaf { extensions: BTreeMap::from([("big".into(), vec![0; LEAF_LEN_MAX])]), ..small() }, LeafError::TooLong),
    ];
    for (leaf, error) in refused {
        assert_eq!(leaf.encode(), Err(error), "{leaf:?}");
    }
    assert_eq!(Leaf::decode(&vec![0x83; LEAF_LEN_MAX + 1]), Err(LeafError::TooLong));
    // The same rules hold when reading: a register without a key id, a reason that is not in RFC 5280.
    let fields = FIELDS.concat();
    assert_eq!(decode(&format!("{HEADER} 01 a5 {}", fields.replace("03 0b", "03 01"))), Err(LeafError::KeyId));
    let [origin, sequence, _, at, evidence] = FIELDS;
    let reserved = format!("{HEADER} 01 a6 {origin} {sequence} 03 1863 {at} 09 07 {evidence}");
    assert_eq!(decode(&reserved), Err(LeafError::Malformed));
}

#[test]
fn suspensions_may_name_the_hold_and_policies_a_key() {
    let hold = Leaf { reason: Some(RevocationReason::CertificateHold), ..blank(Event::Suspend) };
    let leaves = [hold, blank(Event::Suspend), blank(Event::Policy), Leaf { key_id: None, ..blank(Event::Policy) }];
    for leaf in leaves {
        assert_eq!(Leaf::decode(&leaf.encode().unwrap()), Ok(leaf));
    }
}

/// Computed apart from this code: `printf '\x83\x6bhufu-key-v1\x6blog.example\x43\x01\x02\x03' | sha256sum`.
#[test]
fn key_id_is_a_hash_over_the_named_origin_and_key() {
    let hex: String = key_id_for_public_key("log.example", &[1, 2, 3]).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "92395c7fb7139bb5657aadf04ac75745d333a5e0c43df6e3d74bb2cf919a8f0a");
}

#[test]
fn events_and_reasons_keep_their_numbers_and_names() {
    for code in 0..20 {
        assert_eq!(Event::from_code(code).code(), code);
        assert_eq!(matches!(Event::from_code(code), Event::Unknown(_)), !(1..=11).contains(&code));
    }
    let reasons = [
        (0, "unspecified"),
        (1, "keyCompromise"),
        (2, "cACompromise"),
        (3, "affiliationChanged"),
        (4, "superseded"),
        (5, "cessationOfOperation"),
        (6, "certificateHold"),
        (9, "privilegeWithdrawn"),
        (10, "aACompromise"),
    ];
    for (code, name) in reasons {
        let reason = RevocationReason::from_code(code).unwrap();
        assert_eq!((reason.code(), reason.name()), (code, name));
        assert_eq!(RevocationReason::from_name(name), Some(reason));
        assert_eq!(reason.is_compromise(), [1, 2, 10].contains(&code));
    }
    for code in [7, 8, 11, 255] {
        assert_eq!(RevocationReason::from_code(code), None);
    }
}

fn any_leaf() -> impl Strategy<Value = Leaf> {
    let identity = ("[a-z./]{1,30}", any::<u64>(), any::<[u8; 32]>(), prop_oneof![1..14_u64, any::<u64>()]);
    let times = (any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>(), any::<Option<u64>>());
    let rest = (
        prop::option::of("[a-z0-9-]{1,12}"),
        prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5, 6, 9, 10]),
        prop::collection::btree_map("[!-~]{1,30}", prop::collection::vec(any::<u8>(), 0..40), 0..5),
        any::<[u8; 32]>(),
    );
    (identity, times, rest).prop_map(|((origin, sequence, hash, event), times, rest)| {
        let event = Event::from_code(event);
        let reason = RevocationReason::from_code(rest.1);
        Leaf {
            origin,
            sequence,
            previous: (sequence > 0).then_some(hash),
            event,
            key_id: (event != Event::AuditHead).then_some(hash),
            algorithm: rest.0,
            at: times.0,
            not_before: times.1,
            not_after: times.2,
            reason: match event {
                Event::Revoke => {
                    reason.filter(|r| *r != RevocationReason::CertificateHold).or(RevocationReason::from_code(1))
                }
                Event::Unknown(_) => reason,
                _ => None,
            },
            compromised_at: times.3.filter(|_| event == Event::Revoke),
            evidence: rest.3,
            extensions: rest.2,
        }
    })
}

proptest! {
    #[test]
    fn leaves_round_trip(leaf in any_leaf()) {
        prop_assert_eq!(Leaf::decode(&leaf.encode().unwrap()), Ok(leaf));
    }

    #[test]
    fn a_changed_leaf_is_refused_or_another_leaf(leaf in any_leaf(), at in any::<prop::sample::Index>(), xor in 1..=255_u8) {
        let mut bytes = leaf.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        if let Ok(other) = Leaf::decode(&bytes) {
            prop_assert_ne!(&other, &leaf);
            prop_assert_eq!(other.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0..30_usize) {
        let _ = Leaf::decode(&bytes);
        let mut headed = unhex(&format!("{HEADER} 01"));
        headed.extend(&bytes[cut.min(bytes.len())..]);
        let _ = Leaf::decode(&headed);
    }
}
