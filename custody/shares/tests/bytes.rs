//! What comes from outside: whatever its bytes, it is refused or has the one encoding it came in. The fuzz targets `share` and
//! `share_messages` do the same for longer.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use std::sync::LazyLock;

use common::{Scene, System, random};
use hufu_custodian::testing::Person;
use hufu_shares::{
    Confirmation, Contribution, Curve, Dealt, Epochs, HandedOver, Handover, Manifest, Plan, Share, SignedManifest,
    deal,
};
use proptest::prelude::*;

static SCENE: LazyLock<Scene> = LazyLock::new(|| Scene::new(3));

/// One of each, of both schemes.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let scene = &*SCENE;
    let secret = random(32);
    let sets = [scene.deal(2, &secret), scene.deal_scalar(Curve::P256, 2, &secret)];
    let mut seeds = Vec::new();
    for (manifest, shares) in &sets {
        let opened = scene.open(&shares[0]);
        let target = Person::new("target", "north").custodian().sealing;
        let resealed = opened.reseal(&target, &[7; 32]).unwrap();
        seeds.extend([
            shares[1].to_bytes(),
            manifest.to_bytes(),
            manifest.unverified().to_bytes(),
            resealed.statement(),
            resealed.clone().signed(scene.people[0].sign(resealed.statement())).to_bytes(),
            opened.confirm().to_bytes(),
            Epochs::new(manifest.clone(), &scene.dealer_key).unwrap().to_bytes(),
        ]);
    }
    let (manifest, shares) = &sets[1];
    let names = scene.names();
    seeds.push(deal(&scene.terms(2, &names, None), &secret, &System).unwrap().to_bytes());
    let plan = Plan::new(&scene.terms(2, &names, Some(manifest.unverified()))).unwrap();
    seeds.push(plan.contribute(&scene.open(&shares[0]), &System).unwrap().to_bytes());
    seeds
});

/// How many kinds read these bytes; each writes them as they were.
fn readers(bytes: &[u8]) -> usize {
    let written = [
        Share::from_bytes(bytes).map(|read| read.to_bytes()),
        SignedManifest::from_bytes(bytes).map(|read| read.to_bytes()),
        Manifest::from_bytes(bytes).map(|read| read.to_bytes()),
        Handover::from_bytes(bytes).map(|read| read.to_bytes()),
        HandedOver::from_bytes(bytes).map(|read| read.to_bytes()),
        Confirmation::from_bytes(bytes).map(|read| read.to_bytes()),
        Contribution::from_bytes(bytes).map(|read| read.to_bytes()),
        Dealt::from_bytes(bytes).map(|read| read.to_bytes()),
        Epochs::from_bytes(bytes, &SCENE.dealer_key).map(|read| read.to_bytes()),
    ];
    let written: Vec<Vec<u8>> = written.into_iter().flatten().collect();
    assert!(written.iter().all(|again| again == bytes));
    written.len()
}

#[test]
fn each_is_read_as_what_it_is_and_as_nothing_else() {
    assert!(SEEDS.iter().all(|seed| readers(seed) == 1));
    for seed in SEEDS.iter() {
        assert_eq!(readers(&[&seed[..], &[0]].concat()), 0);
        assert!((0..seed.len()).all(|len| readers(&seed[..len]) == 0));
    }
}

#[test]
fn what_is_too_long_is_not_even_looked_at() {
    assert_eq!(readers(&vec![0x83; 1 << 20]), 0);
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_or_have_one_encoding(
        seed in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of((any::<proptest::sample::Index>(), 0usize..4)),
    ) {
        let mut bytes = seed.get(&SEEDS).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some((from, len)) = cut {
            let from = from.index(bytes.len());
            bytes.drain(from..bytes.len().min(from + len));
        }
        readers(&bytes);
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(readers(&bytes), 0);
    }
}
