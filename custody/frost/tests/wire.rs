//! What comes from outside: nothing panics, nothing has two encodings, and no bit is without meaning.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use common::field::{Journal, NOW_MS, holder, mandate, release, signed};
use common::generation;
use common::{OpenSealer, Run, SUITES, commitments, id, session, shares};
use hufu_frost::dkg::{Round, Statement};
use hufu_frost::{
    Commitment, Group, Limits, Refusal, Refused, SignatureShare, SignedGenerationMandate, SignedMandate,
    SigningPackage, SigningRequest, recognise,
};
use proptest::prelude::*;

/// One of every message.
fn messages() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for suite in SUITES {
        let run = Run::new(suite, 2, 3, "wire");
        all.push(run.begin(id(1)).1);
        let mut echoes = run.round1(|_, _, package| package.to_vec()).unwrap();
        all.push(echoes.remove(&id(1)).unwrap().finish().unwrap().1);
        let states = run.echo(run.round1(|_, _, package| package.to_vec()).unwrap()).unwrap();
        let (mut states, sealed) = run.deal(states).unwrap();
        let binding_len = usize::from(sealed[&(id(1), id(2))][1]);
        all.push(sealed[&(id(1), id(2))][2 + binding_len..].to_vec());
        run.deliver(&mut states, &sealed).unwrap();
        all.push(states.remove(&id(1)).unwrap().finish().unwrap().1);
        let keys = shares(suite, 2, 3);
        let (mut nonces, commitments) = commitments(&[&keys[0], &keys[1]], session("s"), b"message", "wire");
        all.push(commitments[0].to_bytes());
        let package = SigningPackage::new(keys[0].group(), session("s"), b"message", &commitments).unwrap();
        all.push(package.to_bytes());
        all.push(keys[0].sign(nonces.remove(0), &package).unwrap().to_bytes());
    }
    let mandate = signed(mandate(shares(SUITES[0], 2, 3)[0].group(), b"message"));
    let generation = generation::signed(generation::mandate());
    all.push(generation.signed().to_vec());
    all.push(generation.to_bytes());
    let statement = Statement {
        set: generation.set_id(),
        from: id(1),
        to: Some(id(2)),
        round: Round::Share,
        bytes: vec![7; 100],
    };
    all.push(statement.to_bytes());
    all.push(mandate.signed().to_vec());
    all.push(mandate.to_bytes());
    all.push(SigningRequest::new(mandate.clone(), 1).to_bytes());
    all.push(Refused { session: mandate.session(0), reason: Refusal::Busy }.to_bytes());
    all.push(Refused { session: None, reason: Refusal::Malformed }.to_bytes());
    all.push(shares(SUITES[0], 2, 3)[0].group().to_bytes());
    all
}

/// Everything that reads bytes from others.
fn read_all(bytes: &[u8]) {
    let _ = recognise(bytes);
    if let Ok(group) = Group::from_bytes(bytes) {
        assert_eq!(group.to_bytes(), bytes);
    }
    if let Ok(package) = SigningPackage::from_bytes(bytes) {
        assert_eq!(package.to_bytes(), bytes);
    }
    if let Ok(request) = SigningRequest::from_bytes(bytes) {
        assert_eq!(request.to_bytes(), bytes);
    }
    if let Ok(mandate) = SignedMandate::from_bytes(bytes) {
        assert_eq!(mandate.to_bytes(), bytes);
    }
    if let Ok(mandate) = SignedGenerationMandate::from_bytes(bytes) {
        assert_eq!(mandate.to_bytes(), bytes);
    }
    if let Ok(statement) = Statement::from_bytes(bytes) {
        assert_eq!(statement.to_bytes(), bytes);
    }
    let _ = Refused::from_bytes(bytes);
    for suite in SUITES {
        let run = Run::new(suite, 2, 3, "wire");
        let (mut state, _) = run.begin(id(2));
        let _ = state.receive(id(1), bytes);
    }
}

#[test]
fn every_message_is_recognised_in_one_form_only() {
    let mut seen = std::collections::BTreeSet::new();
    for message in messages() {
        let domain = recognise(&message).unwrap();
        seen.insert(domain);
        for cut in 0..message.len() {
            assert_eq!(recognise(&message[..cut]), None);
        }
        let longer = [message.as_slice(), &[0]].concat();
        assert_eq!(recognise(&longer), None);
        // An indefinite-length envelope says the same in other bytes.
        let mut indefinite = message.clone();
        indefinite[0] = 0x9f;
        indefinite.push(0xff);
        assert_eq!(recognise(&indefinite), None, "{domain}");
        // So do a version number in two bytes, and a field that nobody knows.
        let version_at = 2 + usize::from(domain.len() > 23) + domain.len();
        assert_eq!(message[version_at], 1);
        let mut two_bytes = message.clone();
        two_bytes.splice(version_at..=version_at, [0x18, 1]);
        assert_eq!(recognise(&two_bytes), None, "{domain}");
        let mut field_more = message.clone();
        field_more[version_at + 1] += 1;
        field_more.push(0);
        assert_eq!(recognise(&field_more), None, "{domain}");
    }
    assert_eq!(seen.len(), 15, "{seen:?}");
}

#[test]
fn group_with_any_bit_changed_is_another_group_or_none() {
    for suite in SUITES {
        let group = shares(suite, 2, 3)[0].group().clone();
        let bytes = group.to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = Group::from_bytes(&changed) {
                assert_ne!(other, group);
                assert_ne!(other.digest(), group.digest());
            }
        }
    }
}

#[test]
fn long_messages_are_refused_unread() {
    let long = vec![0x83; 1 << 20];
    assert_eq!(recognise(&long), None);
    assert!(Group::from_bytes(&long).is_err());
    assert!(SigningPackage::from_bytes(&long).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read_all(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_messages_are_read_without_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        insert in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        static MESSAGES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
        for message in MESSAGES.get_or_init(messages) {
            let mut bytes = message.clone();
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Some((at, value)) = &insert {
                bytes.insert(at.index(bytes.len()), *value);
            }
            read_all(&bytes);
            let keys = KEYS.get_or_init(|| shares(SUITES[0], 2, 3));
            let (nonces, commitments) = commitments(&[&keys[0], &keys[1]], session("s"), b"message", "wire");
            let _ = Commitment::receive(keys[0].group(), nonces[0].purpose(), id(1), &bytes);
            let package = SigningPackage::new(keys[0].group(), session("s"), b"message", &commitments).unwrap();
            let _ = SignatureShare::receive(&package, id(1), &bytes);
            let mut holder = holder(&keys[0], Limits::default(), &Journal::default());
            let (answer, _) = release(holder.commit(&bytes, NOW_MS, &mut common::random("any")));
            prop_assert!(recognise(&answer).is_some());
            let (answer, _) = release(holder.sign(&bytes, NOW_MS));
            prop_assert!(Refused::from_bytes(&answer).is_ok());
        }
    }
}

static KEYS: std::sync::OnceLock<Vec<hufu_frost::KeyShare>> = std::sync::OnceLock::new();

#[test]
fn sealed_share_of_any_bytes_names_its_sender() {
    for suite in SUITES {
        let run = Run::new(suite, 2, 2, "wire");
        let states = run.echo(run.round1(|_, _, package| package.to_vec()).unwrap()).unwrap();
        let (mut states, sealed) = run.deal(states).unwrap();
        let state = states.get_mut(&id(1)).unwrap();
        let package = &sealed[&(id(2), id(1))];
        for at in 0..package.len() - 34 {
            let mut bytes = package.clone();
            bytes[at] ^= 0x55;
            assert!(state.receive(id(2), &bytes, &mut OpenSealer(id(1))).is_err(), "{at}");
        }
    }
}
