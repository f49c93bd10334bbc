//! Mandates to make a key: what is one, and which generation it gives.

mod common;

use std::collections::BTreeSet;

use common::field::key;
use common::generation::{mandate, signed};
use common::id;
use hufu_frost::{Error, GenerationMandate, KeyVersion, PublicKey, SignedGenerationMandate, Suite, Threshold};

#[test]
fn holders_are_numbered_in_the_order_of_their_names() {
    let mandate = mandate();
    let number = |name| mandate.number(name);
    assert_eq!([number("north"), number("south"), number("west")], [Some(id(1)), Some(id(3)), None]);
}

#[test]
fn set_ids_differ_in_all_that_a_mandate_says() {
    let good = mandate();
    let changed = [
        GenerationMandate { deployment: "d".into(), ..good.clone() },
        GenerationMandate { key: KeyVersion { version: 2, ..key() }, ..good.clone() },
        GenerationMandate { suite: Suite::Bip340, ..good.clone() },
        GenerationMandate { threshold: Threshold::new(3, 3).unwrap(), ..good.clone() },
        GenerationMandate { holders: ["east", "north", "south"].map(String::from).into(), ..good.clone() },
        GenerationMandate { expires_at_ms: 1, ..good.clone() },
        GenerationMandate { requester: "x".into(), ..good.clone() },
        GenerationMandate { seed: [4; 32], ..good.clone() },
        good.clone(),
    ];
    let sets: BTreeSet<_> = changed.into_iter().map(|mandate| signed(mandate).set_id()).collect();
    assert_eq!(sets.len(), 9);
    // Another signature of the same is the same generation.
    let other = SignedGenerationMandate::new(good.clone(), vec![1; 70]).unwrap();
    assert_eq!(other.set_id(), signed(good).set_id());
}

#[test]
fn mandates_out_of_range_are_no_mandates() {
    let good = mandate();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let bad = [
        GenerationMandate { deployment: String::new(), ..good.clone() },
        GenerationMandate { requester: "a".repeat(256), ..good.clone() },
        GenerationMandate { key: KeyVersion { name: "a\nb".into(), version: 1 }, ..good.clone() },
        GenerationMandate { key: KeyVersion { version: 0, ..key() }, ..good.clone() },
        GenerationMandate { holders: names(&["north", "east"]), ..good.clone() },
        GenerationMandate { holders: names(&["north", "east", "north"]), ..good.clone() },
        GenerationMandate { holders: names(&["north", "east", ""]), ..good.clone() },
        GenerationMandate { holders: names(&["north", "east", "south", "west"]), ..good.clone() },
    ];
    for mandate in bad {
        assert_eq!(mandate.to_be_signed(), Err(Error::Malformed { what: "hufu-generation-mandate" }));
    }
    let many = |len| GenerationMandate {
        threshold: Threshold::new(2, 64).unwrap(),
        holders: (0..64).map(|n| format!("{n:0len$}")).collect(),
        ..good.clone()
    };
    let longest = SignedGenerationMandate::new(many(48), vec![0; 512]).unwrap();
    assert!(longest.to_bytes().len() <= 4_096);
    assert_eq!(SignedGenerationMandate::from_bytes(&longest.to_bytes()), Ok(longest));
    let too_long = Error::TooLong { what: "hufu-generation-mandate", limit: 3_520 };
    assert_eq!(many(64).to_be_signed(), Err(too_long));
    assert!(SignedGenerationMandate::new(good, vec![0; 513]).is_err());
}

/// The encodings that the service's other keys of these curves have.
#[test]
fn public_key_is_known_by_its_subject_public_key_info() {
    for suite in common::SUITES {
        let keys = common::shares(suite, 2, 3);
        let spki = keys[0].group().spki();
        match keys[0].group().public_key() {
            PublicKey::Ed25519 { spki: same } => assert_eq!((spki, spki.len()), (&same[..], 44)),
            PublicKey::Bip340 { x_only, .. } => {
                use k256::pkcs8::DecodePublicKey;
                let key = k256::PublicKey::from_public_key_der(spki).unwrap();
                assert_eq!((spki.len(), spki[23]), (88, 4));
                assert_eq!(k256::schnorr::VerifyingKey::try_from(key).unwrap().to_bytes()[..], x_only);
            }
        }
    }
}
