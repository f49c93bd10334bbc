//! A set from dealing to combining, and everything that must be refused by name.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use common::{Scene, System, random};
use hufu_custodian::testing::Person;
use hufu_custodian::{Name, Signed};
use hufu_secret::SecretBytes;
use hufu_shares::{
    Curve, Error, Fault, Gathering, HandedOver, ManifestDigest, Missing, Refusal, Resealed, Share, SignedManifest,
    combine, deal,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

const REQUEST: [u8; 32] = [7; 32];

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Refused(refusal) => refusal,
        other => panic!("not a refusal: {other}"),
    }
}

fn faults(error: Error) -> Vec<(String, Fault)> {
    match error {
        Error::Culprits(all) => all.into_iter().map(|r| (r.custodian.to_string(), r.fault)).collect(),
        other => panic!("no culprits: {other}"),
    }
}

#[test]
fn a_set_is_dealt_opened_handed_over_and_combined() {
    let scene = Scene::new(5);
    let secret = random(32);
    let (manifest, shares) = scene.deal(3, &secret);
    let target = Person::new("target", "south");
    let mut gathering = Gathering::new(&manifest, &manifest.digest()).unwrap();
    for at in [4, 1, 2] {
        let share = Share::from_bytes(&shares[at].to_bytes()).unwrap();
        assert_eq!(share, shares[at]);
        let resealed = scene.open(&share).reseal(&target.custodian().sealing, &REQUEST).unwrap();
        let signed = scene.people[at].sign(resealed.statement());
        let handed = resealed.signed(signed);
        assert_eq!(HandedOver::from_bytes(&handed.to_bytes()).unwrap(), handed);
        gathering.take(&handed, &scene.roster, &target, &REQUEST).unwrap();
    }
    assert_eq!(gathering.combine().unwrap(), secret);
}

#[test]
fn secrets_of_the_shortest_and_the_longest_length_work() {
    let scene = Scene::new(2);
    for len in [1, 4096] {
        let secret = random(len);
        let (manifest, shares) = scene.deal(2, &secret);
        let shares: Vec<Share> = shares.iter().map(|share| Share::from_bytes(&share.to_bytes()).unwrap()).collect();
        assert_eq!(combine(&manifest, &manifest.digest(), scene.open_all(&shares)).unwrap(), secret);
    }
    let names = scene.names();
    for len in [0, 4097] {
        assert!(matches!(
            deal(&scene.terms(2, &names, None), &SecretBytes::zeroed(len), &System),
            Err(Error::Terms(_))
        ));
    }
}

#[test]
fn sixty_four_custodians_fit() {
    let scene = Scene::new(64);
    let secret = random(32);
    let (manifest, shares) = scene.deal(64, &secret);
    assert_eq!(SignedManifest::from_bytes(&manifest.to_bytes()).unwrap(), manifest);
    assert_eq!(combine(&manifest, &manifest.digest(), scene.open_all(&shares)).unwrap(), secret);
    let (manifest, shares) = scene.deal_scalar(Curve::Sm2, 64, &secret);
    let shares: Vec<Share> = shares.iter().map(|share| Share::from_bytes(&share.to_bytes()).unwrap()).collect();
    assert_eq!(combine(&manifest, &manifest.digest(), scene.open_all(&shares)).unwrap(), secret);
}

#[test]
fn too_few_are_told_how_many_and_whose_are_missing() {
    let scene = Scene::new(4);
    let (manifest, shares) = scene.deal(3, &random(32));
    let from = vec!["custodian-2".parse::<Name>().unwrap(), "custodian-4".parse().unwrap()];
    let some = vec![scene.open(&shares[0]), scene.open(&shares[2])];
    let error = combine(&manifest, &manifest.digest(), some).unwrap_err();
    assert_eq!(error, Error::Missing(Missing { count: 1, from }));
    assert_eq!(error.to_string(), "1 more needed, from any of `custodian-2`, `custodian-4`");
}

#[test]
fn stale_foreign_and_doubled_shares_are_all_named_before_anything_is_combined() {
    let scene = Scene::new(4);
    let secret = random(32);
    let (old, old_shares) = scene.deal(2, &secret);
    let names = scene.names();
    let (new, new_shares) =
        scene.sign(deal(&scene.terms(2, &names, Some(old.unverified())), &secret, &System).unwrap());
    let (_, foreign_shares) = scene.deal(2, &secret);
    let (_, rival_shares) =
        scene.sign(deal(&scene.terms(2, &names, Some(old.unverified())), &secret, &System).unwrap());
    let all = vec![
        scene.open(&new_shares[0]),
        scene.open(&new_shares[0]),
        scene.open(&old_shares[1]),
        scene.open(&foreign_shares[2]),
        scene.open(&rival_shares[3]),
        scene.open(&new_shares[3]),
    ];
    let found = faults(combine(&new, &new.digest(), all).unwrap_err());
    let expected = [
        ("custodian-1", Fault::Twice),
        ("custodian-2", Fault::OtherEpoch { found: 1, expected: 2 }),
        ("custodian-3", Fault::OtherSet),
        ("custodian-4", Fault::OtherManifest),
    ];
    assert_eq!(found, expected.map(|(name, fault)| (name.to_owned(), fault)));
    assert_eq!(Gathering::new(&new, &old.digest()).unwrap_err(), Error::OtherManifest);
    assert!(Gathering::new(&new, &ManifestDigest([0; 32])).is_err());
}

#[test]
fn swapped_shares_and_keys_are_refused() {
    let scene = Scene::new(3);
    let (_, shares) = scene.deal(2, &random(32));
    // Someone else's file.
    let error = refusal(shares[0].open(&scene.dealer_key, &scene.people[1]).unwrap_err());
    assert_eq!((error.custodian.as_str(), error.fault), ("custodian-1", Fault::OtherKey));
    // One's own seat with the sealed bytes of another seat, and of another epoch's own.
    let (_, others) = scene.deal(2, &random(32));
    for stranger in [&shares[1], &others[0]] {
        let swapped = Share::from_bytes(&with_sealed_of(&shares[0], stranger)).unwrap();
        let error = refusal(swapped.open(&scene.dealer_key, &scene.people[0]).unwrap_err());
        assert_eq!((error.custodian.as_str(), error.index, error.fault), ("custodian-1", 1, Fault::NotOpened));
    }
}

/// The manifest and index of one share file with what is sealed in another.
fn with_sealed_of(share: &Share, other: &Share) -> Vec<u8> {
    let (bytes, others) = (share.to_bytes(), other.to_bytes());
    // Both end with the sealed bytes, of one length.
    let len = 32 + 64 + 16 + 32;
    [&bytes[..bytes.len() - len], &others[others.len() - len..]].concat()
}

#[test]
fn a_dealer_who_is_not_the_expected_one_is_refused() {
    let scene = Scene::new(3);
    let (manifest, shares) = scene.deal(2, &random(32));
    let mallory = Person::new("mallory", "south").custodian().signing;
    assert_eq!(shares[0].open(&mallory, &scene.people[0]).unwrap_err(), Error::Dealer);
    assert_eq!(manifest.verify(&mallory).unwrap_err(), Error::Dealer);
    let signature = scene.people[0].sign(manifest.unverified().to_bytes()).signature;
    assert_eq!(SignedManifest::new(manifest.unverified(), &signature).unwrap_err(), Error::Dealer);
    assert_eq!(SignedManifest::new(manifest.unverified(), &[0; 63]).unwrap_err(), Error::Dealer);
}

#[test]
fn one_byte_changed_anywhere_in_a_file_is_refused() {
    let scene = Scene::new(3);
    for share in [&scene.deal(2, &random(8)).1[0], &scene.deal_scalar(Curve::P256, 2, &random(32)).1[0]] {
        let bytes = share.to_bytes();
        for at in 0..bytes.len() {
            for bit in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                let opened = Share::from_bytes(&changed).and_then(|s| s.open(&scene.dealer_key, &scene.people[0]));
                assert!(opened.is_err(), "byte {at}");
            }
            assert!(Share::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(Share::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }
}

/// A handover, signed by one of the people, who may change the statement before that.
fn signed_by(person: &Person, resealed: &Resealed, change: impl Fn(&mut Vec<u8>)) -> HandedOver {
    let mut statement = resealed.statement();
    change(&mut statement);
    resealed.clone().signed(person.sign(statement))
}

#[test]
fn wrong_handovers_are_named_with_their_custodian() {
    let scene = Scene::new(3);
    let (manifest, shares) = scene.deal(2, &random(32));
    let (target, elsewhere) = (Person::new("target", "south"), Person::new("elsewhere", "south"));
    let opened = scene.open(&shares[0]);
    let good = opened.reseal(&target.custodian().sealing, &REQUEST).unwrap();
    let open = |handed: &HandedOver, request: &[u8; 32]| {
        let mut gathering = Gathering::new(&manifest, &manifest.digest()).unwrap();
        gathering.take(handed, &scene.roster, &target, request).map_err(refusal).unwrap_err()
    };
    let sign = |resealed: &Resealed| signed_by(&scene.people[0], resealed, |_| {});
    let changed = |change: &dyn Fn(&mut Vec<u8>)| signed_by(&scene.people[0], &good, change);
    let check = |refusal: Refusal, fault: Fault| {
        assert_eq!((refusal.custodian.as_str(), refusal.fault), ("custodian-1", fault));
    };
    check(open(&sign(&good), &[8; 32]), Fault::OtherRequest);
    let other_target = opened.reseal(&elsewhere.custodian().sealing, &REQUEST).unwrap();
    check(open(&sign(&other_target), &REQUEST), Fault::OtherKey);
    // Index 0, 2 and 4: the index comes right before the custodian's name, under key 3.
    let head = [b"\x03\x01\x04\x6b".as_slice(), b"custodian-1"].concat();
    let at = good.statement().windows(head.len()).position(|bytes| bytes == head).unwrap() + 1;
    check(open(&changed(&|bytes| bytes[at] = 0), &REQUEST), Fault::NoSeat);
    check(open(&changed(&|bytes| bytes[at] = 4), &REQUEST), Fault::NoSeat);
    let other_seat = Fault::OtherSeat("custodian-2".parse().unwrap());
    check(open(&changed(&|bytes| bytes[at] = 2), &REQUEST), other_seat);
    // One bit of what is sealed, by whoever carries it; and by the custodian, who signs for it.
    let mut sealed = sign(&good).sealed;
    *sealed.last_mut().unwrap() ^= 1;
    check(open(&HandedOver { sealed: sealed.clone(), ..sign(&good) }, &REQUEST), Fault::Swapped);
    let digest: [u8; 32] = Sha256::digest(&sealed).into();
    let of_it = changed(&|bytes| {
        let at = bytes.len() - 32;
        bytes[at..].copy_from_slice(&digest);
    });
    check(open(&HandedOver { sealed, ..of_it }, &REQUEST), Fault::NotOpened);
    // Someone else's share under one's own signature.
    let others = scene.open(&shares[1]).reseal(&target.custodian().sealing, &REQUEST).unwrap();
    let other_seat = Fault::OtherSeat("custodian-2".parse().unwrap());
    check(open(&sign(&others), &REQUEST), other_seat);
    // Of another set.
    let (_, foreign) = scene.deal(2, &random(32));
    let foreign = scene.open(&foreign[0]).reseal(&target.custodian().sealing, &REQUEST).unwrap();
    check(open(&sign(&foreign), &REQUEST), Fault::OtherSet);
}

#[test]
fn a_handover_counts_once_and_needs_its_custodians_signature() {
    let scene = Scene::new(3);
    let (manifest, shares) = scene.deal(2, &random(32));
    let target = Person::new("target", "south");
    let resealed = scene.open(&shares[0]).reseal(&target.custodian().sealing, &REQUEST).unwrap();
    let mut gathering = Gathering::new(&manifest, &manifest.digest()).unwrap();
    let HandedOver { signed, sealed } = signed_by(&scene.people[1], &resealed, |_| {});
    let forged = HandedOver { signed: Signed { signer: scene.people[0].name(), ..signed }, sealed };
    assert!(matches!(gathering.take(&forged, &scene.roster, &target, &REQUEST), Err(Error::Custodian(_))));
    let handed = signed_by(&scene.people[0], &resealed, |_| {});
    gathering.take(&handed, &scene.roster, &target, &REQUEST).unwrap();
    let again = gathering.take(&handed, &scene.roster, &target, &REQUEST).unwrap_err();
    assert_eq!(refusal(again).fault, Fault::Twice);
    assert_eq!(gathering.missing().unwrap().count, 1);
}

#[test]
fn terms_that_count_someone_twice_or_not_at_all_are_refused() {
    let scene = Scene::new(3);
    let secret = random(32);
    let name = |text: &str| text.parse::<Name>().unwrap();
    let twice = [name("custodian-1"), name("custodian-1")];
    assert!(matches!(deal(&scene.terms(2, &twice, None), &secret, &System), Err(Error::Manifest(_))));
    let stranger = [name("custodian-1"), name("stranger")];
    assert!(matches!(deal(&scene.terms(2, &stranger, None), &secret, &System), Err(Error::Custodian(_))));
    for threshold in [0, 4] {
        assert!(deal(&scene.terms(threshold, &scene.names(), None), &secret, &System).is_err());
    }
    let (old, _) = scene.deal(2, &secret);
    let mut other = scene;
    other.subject.name = "tenants/acme".to_owned();
    let names = other.names();
    let after = deal(&other.terms(2, &names, Some(old.unverified())), &secret, &System);
    assert!(matches!(after, Err(Error::Epochs(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_t_of_n_combine(
        (threshold, count) in (1u8..=16).prop_flat_map(|count| (1..=count, Just(count))),
        len in 1usize..100,
        from in any::<proptest::sample::Index>(),
    ) {
        let scene = Scene::new(usize::from(count));
        let secret = random(len);
        let (manifest, shares) = scene.deal(threshold, &secret);
        let first = from.index(usize::from(count));
        let chosen = (0..usize::from(threshold)).map(|at| scene.open(&shares[(first + at) % usize::from(count)]));
        prop_assert_eq!(combine(&manifest, &manifest.digest(), chosen).unwrap(), secret);
    }
}
