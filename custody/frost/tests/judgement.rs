//! What a holder takes part in, what it refuses, and what its audit says.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use common::field::{Journal, NOW_MS, Verifier, copy_of, holder, key, policy, release, signed};
use common::{id, random, session, shares};
use hufu_frost::{
    AuditRecord, Commitment, Error, Holder, KeyShare, KeyVersion, Limits, Mandate, MessageDigest, Outcome,
    PublicKeyDigest, Purpose, Refusal, Refused, SessionId, ShareId, SignedMandate, SigningPackage, SigningRequest,
    Stage, Suite, aggregate,
};

const MESSAGE: &[u8] = b"message";

/// A mandate for the key that every [`Pair`] has.
fn mandate(message: &[u8]) -> Mandate {
    static KEYS: std::sync::OnceLock<Vec<KeyShare>> = std::sync::OnceLock::new();
    common::field::mandate(KEYS.get_or_init(|| shares(Suite::Ed25519, 2, 3))[0].group(), message)
}

struct Pair {
    keys: Vec<KeyShare>,
    one: Holder<Verifier>,
    two: Holder<Verifier>,
    journal: Journal,
}

impl Pair {
    fn new(limits: Limits) -> Self {
        let keys = shares(Suite::Ed25519, 2, 3);
        let journal = Journal::default();
        let one = holder(&keys[0], limits, &journal);
        let two = holder(&keys[1], limits, &Journal::default());
        Self { keys, one, two, journal }
    }

    fn commit(&mut self, mandate: &SignedMandate, attempt: u8, now_ms: u64) -> (Vec<u8>, AuditRecord) {
        let request = SigningRequest::new(mandate.clone(), attempt).to_bytes();
        let seed = format!("{attempt} {now_ms} {:?}", mandate.signed());
        release(self.one.commit(&request, now_ms, &mut random(&seed)))
    }

    /// Round 2 of the first holder, written down.
    fn sign(&mut self, package: &[u8], now_ms: u64) -> (Vec<u8>, AuditRecord) {
        self.journal.release(self.one.sign(package, now_ms)).unwrap()
    }

    /// A package of both holders' commitments over `message`.
    fn package(&mut self, mandate: &SignedMandate, attempt: u8, first: &[u8], message: &[u8]) -> SigningPackage {
        let group = self.keys[0].group();
        let request = SigningRequest::new(mandate.clone(), attempt).to_bytes();
        let (second, _) = release(self.two.commit(&request, NOW_MS, &mut random("two")));
        let session = mandate.session(attempt).unwrap();
        let purpose = Purpose { group: group.digest(), session, message: mandate.mandate().message };
        let read = |number, bytes: &[u8]| Commitment::receive(group, &purpose, id(number), bytes).unwrap();
        let commitments = [read(1, first), read(2, &second)];
        SigningPackage::new(group, session, message, &commitments).unwrap()
    }
}

fn refusal(answer: &[u8]) -> Option<Refusal> {
    Refused::from_bytes(answer).ok().map(|refused| refused.reason)
}

#[test]
fn allowed_signature_is_audited_in_both_rounds() {
    let mut pair = Pair::new(Limits::default());
    let mandate = signed(mandate(MESSAGE));
    let (first, commit_record) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE);
    let (share, sign_record) = pair.sign(&package.to_bytes(), NOW_MS + 1);
    let (other, _) = release(pair.two.sign(&package.to_bytes(), NOW_MS + 1));
    let read = |number, bytes: &[u8]| hufu_frost::SignatureShare::receive(&package, id(number), bytes).unwrap();
    let signature = aggregate(pair.keys[0].group(), &package, &[read(1, &share), read(2, &other)]).unwrap();
    assert!(common::foreign_verifies(pair.keys[0].group(), MESSAGE, &signature));
    let expected = AuditRecord {
        at_ms: NOW_MS,
        stage: Stage::Commit,
        requester: Some("wallet".into()),
        requester_verified: true,
        key: Some(key()),
        session: mandate.session(0),
        message: Some(MessageDigest::of(MESSAGE)),
        outcome: Outcome::Allowed,
        used_until_ms: None,
    };
    assert_eq!(commit_record, expected);
    assert_eq!(
        sign_record,
        AuditRecord { at_ms: NOW_MS + 1, stage: Stage::Sign, used_until_ms: Some(NOW_MS + 60_000), ..expected }
    );
    assert_eq!(pair.one.open_sessions(), 0);
}

#[test]
fn answer_is_destroyed_when_its_record_cannot_be_written() {
    let mut pair = Pair::new(Limits::default());
    let request = SigningRequest::new(signed(mandate(MESSAGE)), 0).to_bytes();
    let decision = pair.one.commit(&request, NOW_MS, &mut random("x"));
    assert_eq!(decision.release(|_| Err("disk full")), Err("disk full"));
}

#[test]
fn mandate_is_judged_in_each_of_its_parts() {
    let good = mandate(MESSAGE);
    let cases = [
        (Refusal::UnknownRequester, Mandate { requester: "nobody".into(), ..good.clone() }),
        // Signed by `wallet` in another's name.
        (Refusal::BadSignature, Mandate { requester: "other".into(), ..good.clone() }),
        (Refusal::OtherDeployment, Mandate { deployment: "test".into(), ..good.clone() }),
        (Refusal::Expired, Mandate { expires_at_ms: NOW_MS, ..good.clone() }),
        (Refusal::LifetimeTooLong, Mandate { expires_at_ms: NOW_MS + 120_001, ..good.clone() }),
        (Refusal::NotAllowed, Mandate { key: KeyVersion { name: "x".into(), version: 1 }, ..good.clone() }),
        (Refusal::UnknownKey, Mandate { key: KeyVersion { version: 2, ..key() }, ..good.clone() }),
        (Refusal::OtherPublicKey, Mandate { public_key: PublicKeyDigest::of(b"another"), ..good.clone() }),
    ];
    let mut pair = Pair::new(Limits::default());
    for (expected, mandate) in cases {
        let name = mandate.requester.clone();
        let (answer, record) = pair.commit(&signed(mandate), 0, NOW_MS);
        assert_eq!(refusal(&answer), Some(expected));
        assert_eq!((record.outcome, record.requester), (Outcome::Refused(expected), Some(name)));
        let unverified = [Refusal::UnknownRequester, Refusal::BadSignature].contains(&expected);
        assert_eq!(record.requester_verified, !unverified, "{expected}");
    }
    let two = signed(Mandate { attempts: 2, ..good });
    assert_eq!(refusal(&pair.commit(&two, 2, NOW_MS).0), Some(Refusal::AttemptOutOfRange));
    assert_eq!(pair.one.open_sessions(), 0);
}

#[test]
fn mandate_with_any_bit_changed_is_refused() {
    let mut pair = Pair::new(Limits::default());
    let request = SigningRequest::new(signed(mandate(MESSAGE)), 0).to_bytes();
    let attempt_at = request.len() - 1;
    for bit in 0..request.len() * 8 {
        // The attempt is outside the signature: another attempt is another session under the same mandate.
        if bit / 8 == attempt_at {
            continue;
        }
        let mut changed = request.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (answer, _) = release(pair.one.commit(&changed, NOW_MS, &mut random("x")));
        assert!(refusal(&answer).is_some(), "bit {bit}");
    }
    assert_eq!(pair.one.open_sessions(), 0);
}

#[test]
fn session_is_begun_once_until_the_mandate_ends_and_never_after() {
    let mut pair = Pair::new(Limits::default());
    let mandate = signed(mandate(MESSAGE));
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS).0), None);
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS).0), Some(Refusal::SessionUsed));
    assert_eq!(refusal(&pair.commit(&mandate, 1, NOW_MS).0), None);
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS + 59_999).0), Some(Refusal::SessionUsed));
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS + 60_000).0), Some(Refusal::Expired));
    // A clock that is set back revives nothing.
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS).0), Some(Refusal::Expired));
    assert_eq!(refusal(&pair.commit(&mandate, 2, NOW_MS).0), Some(Refusal::Expired));
}

#[test]
fn nonces_are_destroyed_by_the_first_package_whatever_it_is() {
    let mandate = signed(mandate(MESSAGE));
    for wrong_first in [false, true] {
        let mut pair = Pair::new(Limits::default());
        let (first, _) = pair.commit(&mandate, 0, NOW_MS);
        let package = pair.package(&mandate, 0, &first, MESSAGE);
        if wrong_first {
            // The same session with another message.
            let mut bytes = package.to_bytes();
            let at = bytes.windows(MESSAGE.len()).position(|window| window == MESSAGE).unwrap();
            bytes[at] ^= 1;
            let (answer, record) = pair.sign(&bytes, NOW_MS);
            assert_eq!(refusal(&answer), Some(Refusal::OtherPurpose));
            assert_eq!(record.session, mandate.session(0));
            assert!(pair.journal.used.lock().unwrap().is_empty());
        } else {
            assert_eq!(refusal(&pair.sign(&package.to_bytes(), NOW_MS).0), None);
            assert!(pair.journal.used.lock().unwrap().contains_key(&package.session()));
        }
        let (again, _) = pair.sign(&package.to_bytes(), NOW_MS);
        assert_eq!(refusal(&again), Some(Refusal::SessionUnknown));
    }
}

#[test]
fn package_without_the_holders_commitment_is_refused() {
    let mut pair = Pair::new(Limits::default());
    let mandate = signed(mandate(MESSAGE));
    pair.commit(&mandate, 0, NOW_MS);
    let session = mandate.session(0).unwrap();
    let (_, others) = common::commitments(&[&pair.keys[1], &pair.keys[2]], session, MESSAGE, "others");
    let package = SigningPackage::new(pair.keys[0].group(), session, MESSAGE, &others).unwrap();
    let (answer, _) = pair.sign(&package.to_bytes(), NOW_MS);
    assert_eq!(refusal(&answer), Some(Refusal::WrongPackage));
}

#[test]
fn restarted_holder_knows_no_open_session_and_every_used_one() {
    let mut pair = Pair::new(Limits::default());
    let mandate = signed(mandate(MESSAGE));
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE);
    let (used, _) = pair.commit(&mandate, 1, NOW_MS);
    let used_package = pair.package(&mandate, 1, &used, MESSAGE);
    assert_eq!(refusal(&pair.sign(&used_package.to_bytes(), NOW_MS).0), None);
    pair.one = holder(&pair.keys[0], Limits::default(), &pair.journal);
    assert_eq!(refusal(&pair.sign(&package.to_bytes(), NOW_MS).0), Some(Refusal::SessionUnknown));
    assert_eq!(refusal(&pair.commit(&mandate, 1, NOW_MS).0), Some(Refusal::SessionUsed));
    assert_eq!(refusal(&pair.sign(&used_package.to_bytes(), NOW_MS).0), Some(Refusal::SessionUnknown));
}

#[test]
fn no_share_leaves_unless_the_session_is_recorded_as_used() {
    let mandate = signed(mandate(MESSAGE));
    let mut pair = Pair::new(Limits::default());
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE).to_bytes();
    let decision = pair.one.sign(&package, NOW_MS);
    assert_eq!(decision.record().used_until_ms, Some(NOW_MS + 60_000));
    assert_eq!(decision.release(|_| Err("disk full")), Err("disk full"));
    assert_eq!(refusal(&pair.sign(&package, NOW_MS).0), Some(Refusal::SessionUnknown));
    // Another process with the same journal was faster.
    let mut pair = Pair::new(Limits::default());
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE);
    pair.journal.used.lock().unwrap().insert(package.session(), NOW_MS + 1);
    assert_eq!(pair.journal.release(pair.one.sign(&package.to_bytes(), NOW_MS)).unwrap_err(), "used before");
    assert_eq!(refusal(&pair.sign(&package.to_bytes(), NOW_MS).0), Some(Refusal::SessionUnknown));
}

#[test]
fn decision_that_takes_time_to_write_releases_after_it() {
    let mandate = signed(mandate(MESSAGE));
    let mut pair = Pair::new(Limits::default());
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE).to_bytes();
    let decision = pair.one.sign(&package, NOW_MS);
    let mut released = std::pin::pin!(decision.release_when(|_| async { Err::<(), _>("disk full") }));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(released.as_mut().poll(&mut context), std::task::Poll::Ready(Err("disk full")));
    let mut pair = Pair::new(Limits::default());
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE).to_bytes();
    let decision = pair.one.sign(&package, NOW_MS);
    let mut released = std::pin::pin!(decision.release_when(|_| async { Ok::<_, ()>(()) }));
    let std::task::Poll::Ready(Ok(answer)) = released.as_mut().poll(&mut context) else { panic!("no answer") };
    assert_eq!(refusal(&answer), None);
}

#[test]
fn ended_sessions_that_were_used_are_told_once_to_be_forgotten() {
    let mandate = signed(mandate(MESSAGE));
    let mut pair = Pair::new(Limits::default());
    for attempt in 0..3 {
        let (first, _) = pair.commit(&mandate, attempt, NOW_MS);
        // The third is begun and never used.
        if attempt < 2 {
            let package = pair.package(&mandate, attempt, &first, MESSAGE).to_bytes();
            assert_eq!(refusal(&pair.sign(&package, NOW_MS).0), None);
        }
    }
    assert!(pair.one.forgotten(8, NOW_MS + 59_999).is_empty());
    let mut told = pair.one.forgotten(1, NOW_MS + 60_000);
    told.extend(pair.one.forgotten(8, NOW_MS));
    told.sort();
    let mut used = [mandate.session(0).unwrap(), mandate.session(1).unwrap()];
    used.sort();
    assert_eq!(told, used);
    assert!(pair.one.forgotten(8, NOW_MS + 70_000).is_empty());
}

#[test]
fn one_requester_does_not_take_what_others_need() {
    let other = |seed| {
        use ed25519_dalek::Signer as _;
        let mandate = Mandate { requester: "other".into(), seed: [seed; 32], ..mandate(MESSAGE) };
        let key = ed25519_dalek::SigningKey::from_bytes(&[0x43; 32]);
        let signature = key.sign(&mandate.to_be_signed().unwrap()).to_bytes().to_vec();
        SignedMandate::new(mandate, signature).unwrap()
    };
    for limits in [
        Limits { open_per_requester: 2, ..Limits::default() },
        Limits { remembered_per_requester: 2, ..Limits::default() },
    ] {
        let mut pair = Pair::new(limits);
        let mut both = policy();
        both.requesters.get_mut("other").unwrap().keys.insert("tenants/t/keys/*".into());
        pair.one.set_policy(both);
        let greedy = signed(mandate(MESSAGE));
        assert_eq!([0, 1].map(|attempt| refusal(&pair.commit(&greedy, attempt, NOW_MS).0)), [None, None]);
        assert_eq!(refusal(&pair.commit(&greedy, 2, NOW_MS).0), Some(Refusal::Busy));
        assert_eq!(refusal(&pair.commit(&other(1), 0, NOW_MS).0), None);
        assert_eq!(refusal(&pair.commit(&greedy, 2, NOW_MS + 1).0), Some(Refusal::Busy));
    }
}

#[test]
fn key_patterns_stand_for_one_part_of_a_name() {
    let keys = ["a/keys/k", "b/keys/*", "c*", "*"].map(String::from).into();
    let requester = hufu_frost::Requester { public_key: Vec::new(), keys };
    for (name, may) in [
        ("a/keys/k", true),
        ("a/keys/l", false),
        ("b/keys/k", true),
        ("b/keys/", false),
        ("b/keys/k/l", false),
        ("b/key", false),
        ("cat", false),
        ("x", false),
    ] {
        assert_eq!(requester.may_use(name), may, "{name}");
    }
}

#[test]
fn requester_that_lost_its_leave_between_the_rounds_gets_no_share() {
    let mut pair = Pair::new(Limits::default());
    let mandate = signed(mandate(MESSAGE));
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE);
    let mut stricter = policy();
    stricter.requesters.remove("wallet");
    pair.one.set_policy(stricter);
    assert_eq!(refusal(&pair.sign(&package.to_bytes(), NOW_MS).0), Some(Refusal::NotAllowed));
}

fn share_id(share: &KeyShare) -> ShareId {
    ShareId { key: key(), public_key: share.group().public_key_digest() }
}

#[test]
fn shares_of_two_generations_under_one_version_never_mix() {
    let mut pair = Pair::new(Limits::default());
    let mandate = signed(mandate(MESSAGE));
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE);
    // Another generation gives the same version another key: what is open stays open, and signs with its own share.
    let other = shares(Suite::Ed25519, 3, 3).remove(0);
    pair.one.install(key(), copy_of(&other));
    assert_eq!(pair.one.shares().count(), 2);
    assert_eq!(refusal(&pair.sign(&package.to_bytes(), NOW_MS).0), None);
    // Each answers to its own name, and the one that goes leaves the other.
    let of_other = signed(Mandate { public_key: other.group().public_key_digest(), ..crate::mandate(MESSAGE) });
    assert_eq!(refusal(&pair.commit(&of_other, 0, NOW_MS).0), None);
    let share = pair.keys[0].group().clone();
    pair.one.remove(&ShareId { key: key(), public_key: share.public_key_digest() }).unwrap();
    assert_eq!(refusal(&pair.commit(&of_other, 1, NOW_MS).0), None);
    assert_eq!(refusal(&pair.commit(&mandate, 1, NOW_MS).0), Some(Refusal::OtherPublicKey));
}

#[test]
fn key_that_was_taken_away_takes_its_nonces_with_it() {
    let mut pair = Pair::new(Limits::default());
    let mandate = signed(mandate(MESSAGE));
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE);
    let share = pair.one.remove(&share_id(&pair.keys[0])).unwrap();
    assert_eq!(pair.one.open_sessions(), 0);
    pair.one.install(key(), copy_of(&share));
    assert_eq!(refusal(&pair.sign(&package.to_bytes(), NOW_MS).0), Some(Refusal::SessionUnknown));
}

#[test]
fn open_sessions_are_bounded_for_a_key_and_in_all_and_time_frees_them() {
    let limits = Limits { open_per_key: 3, ..Limits::default() };
    let mut pair = Pair::new(limits);
    let mandate = signed(mandate(MESSAGE));
    for attempt in 0..3 {
        assert_eq!(refusal(&pair.commit(&mandate, attempt, NOW_MS).0), None);
    }
    assert_eq!(refusal(&pair.commit(&mandate, 3, NOW_MS).0), Some(Refusal::Busy));
    assert_eq!(refusal(&pair.commit(&mandate, 3, NOW_MS + 9_999).0), Some(Refusal::Busy));
    assert_eq!(refusal(&pair.commit(&mandate, 3, NOW_MS + 10_000).0), None);
    assert_eq!(pair.one.open_sessions(), 1);

    let mut pair = Pair::new(Limits { open: 2, ..Limits::default() });
    pair.one.install(KeyVersion { version: 2, ..key() }, copy_of(&pair.keys[0]));
    let second = signed(Mandate { key: KeyVersion { version: 2, ..key() }, ..crate::mandate(MESSAGE) });
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS).0), None);
    assert_eq!(refusal(&pair.commit(&second, 0, NOW_MS).0), None);
    assert_eq!(refusal(&pair.commit(&second, 1, NOW_MS).0), Some(Refusal::Busy));
}

#[test]
fn memory_of_sessions_is_bounded_and_forgets_none_early() {
    let mut pair = Pair::new(Limits { remembered: 2, open_ms_max: 1, ..Limits::default() });
    let mandate = signed(mandate(MESSAGE));
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS).0), None);
    assert_eq!(refusal(&pair.commit(&mandate, 1, NOW_MS + 10).0), None);
    assert_eq!(refusal(&pair.commit(&mandate, 2, NOW_MS + 20).0), Some(Refusal::Busy));
    assert_eq!(refusal(&pair.commit(&mandate, 0, NOW_MS + 20).0), Some(Refusal::SessionUsed));
    let later = signed(Mandate { expires_at_ms: NOW_MS + 90_000, ..crate::mandate(MESSAGE) });
    assert_eq!(refusal(&pair.commit(&later, 0, NOW_MS + 60_000).0), None, "the first mandate has ended");
}

#[test]
fn open_session_does_not_outlive_its_mandate() {
    let mut pair = Pair::new(Limits { open_ms_max: 1_000_000, ..Limits::default() });
    let mandate = signed(mandate(MESSAGE));
    let (first, _) = pair.commit(&mandate, 0, NOW_MS);
    let package = pair.package(&mandate, 0, &first, MESSAGE);
    let (answer, _) = pair.sign(&package.to_bytes(), NOW_MS + 60_000);
    assert_eq!(refusal(&answer), Some(Refusal::SessionUnknown));
}

#[test]
fn failing_random_source_begins_no_session() {
    let mut pair = Pair::new(Limits::default());
    let request = SigningRequest::new(signed(mandate(MESSAGE)), 0).to_bytes();
    let mut failing = |_: &mut [u8]| Err(hufu_frost::RandomError);
    let (answer, _) = release(pair.one.commit(&request, NOW_MS, &mut failing));
    assert_eq!(refusal(&answer), Some(Refusal::RandomFailed));
    assert_eq!(pair.one.open_sessions(), 0);
    assert_eq!(refusal(&pair.commit(&signed(mandate(MESSAGE)), 0, NOW_MS).0), None);
}

#[test]
fn session_ids_differ_in_all_that_a_mandate_says() {
    let good = mandate(MESSAGE);
    let changed = [
        Mandate { deployment: "d".into(), ..good.clone() },
        Mandate { key: KeyVersion { version: 2, ..key() }, ..good.clone() },
        Mandate { message: MessageDigest::of(b"x"), ..good.clone() },
        Mandate { seed: [2; 32], ..good.clone() },
        Mandate { attempts: 7, ..good.clone() },
        Mandate { expires_at_ms: 1, ..good.clone() },
        Mandate { requester: "x".into(), ..good.clone() },
        Mandate { public_key: PublicKeyDigest::of(b"x"), ..good.clone() },
        good,
    ];
    let sessions: std::collections::BTreeSet<SessionId> = changed
        .into_iter()
        .flat_map(|mandate| {
            let mandate = signed(mandate);
            (0..8).filter_map(move |attempt| mandate.session(attempt))
        })
        .collect();
    assert_eq!(sessions.len(), 8 * 9 - 1);
    assert!(!sessions.contains(&session("s")));
}

#[test]
fn mandates_out_of_range_are_no_mandates() {
    let good = mandate(MESSAGE);
    let bad = [
        Mandate { deployment: String::new(), ..good.clone() },
        Mandate { requester: "a".repeat(256), ..good.clone() },
        Mandate { key: KeyVersion { name: "a\nb".into(), version: 1 }, ..good.clone() },
        Mandate { key: KeyVersion { version: 0, ..key() }, ..good.clone() },
        Mandate { attempts: 0, ..good.clone() },
        Mandate { attempts: 9, ..good.clone() },
    ];
    for mandate in bad {
        assert_eq!(mandate.to_be_signed(), Err(Error::Malformed { what: "hufu-mandate" }));
    }
    assert!(SignedMandate::new(good.clone(), vec![0; 513]).is_err());
    let longest = Mandate {
        deployment: "d".repeat(255),
        key: KeyVersion { name: "k".repeat(255), version: u32::MAX },
        requester: "r".repeat(255),
        expires_at_ms: u64::MAX,
        ..good
    };
    let longest = SignedMandate::new(longest, vec![0; 512]).unwrap();
    let request = SigningRequest::new(longest, 7);
    assert_eq!(SigningRequest::from_bytes(&request.to_bytes()), Ok(request));
}
