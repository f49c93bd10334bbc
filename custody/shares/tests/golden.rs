//! Files of the first format keep opening. To make new ones (of a new format version, beside these, never in their place):
//! `HUFU_GOLDEN_DIR=DIR cargo test -p hufu-shares --test golden`.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::path::Path;

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use common::Scene;
use hufu_custodian::{Agreement, Custodian, Error, Name, Roster, SealingKey, VerifyingKey};
use hufu_secret::SecretBytes;
use hufu_shares::{Curve, Dealt, Gathering, Share, Terms, combine};

/// Private keys of three people, who exist in these files only: 32 bytes of the same value.
const KEYS: [u8; 3] = [0x41, 0x42, 0x43];
const SECRET: &[u8] = b"the first secret of this format.";
const DEALER: &str = "dealer.spki.hex";

struct Fixed(PrivateKey, SealingKey);

impl Fixed {
    fn new(value: u8) -> Self {
        let key = PrivateKey::from_private_key(&X25519, &[value; 32]).unwrap();
        let head = hex::decode("302a300506032b656e032100").unwrap();
        let spki = [&head[..], key.compute_public_key().unwrap().as_ref()].concat();
        Self(key, SealingKey::from_spki(&spki).unwrap())
    }
}

impl Agreement for Fixed {
    fn key(&self) -> &SealingKey {
        &self.1
    }

    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error> {
        agree(&self.0, UnparsedPublicKey::new(&X25519, peer), (), |shared| Ok(SecretBytes::from_slice(shared)))
            .map_err(|()| Error::Agreement("no point".to_owned()))
    }
}

fn data() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn read(name: &str) -> Vec<u8> {
    hex::decode(std::fs::read_to_string(data().join(name)).unwrap().trim()).unwrap()
}

#[test]
fn shares_of_the_first_format_open_and_make_their_secret() {
    if let Ok(dir) = std::env::var("HUFU_GOLDEN_DIR") {
        make(Path::new(&dir));
        return;
    }
    let dealer = VerifyingKey::from_spki(&read(DEALER)).unwrap();
    for scheme in ["shamir", "feldman-p256", "feldman-sm2"] {
        let shares =
            [1u8, 2, 3].map(|index| Share::from_bytes(&read(&format!("{scheme}-{index}.share.hex"))).unwrap());
        for (first, second) in [(0usize, 1usize), (1, 2), (2, 0)] {
            let open =
                |at: usize| shares.get(at).unwrap().open(&dealer, &Fixed::new(*KEYS.get(at).unwrap())).unwrap();
            let manifest = shares.first().unwrap().manifest();
            let secret = combine(manifest, &manifest.digest(), [open(first), open(second)]).unwrap();
            assert_eq!(secret.expose(), SECRET, "{scheme}");
        }
        let manifest = shares.first().unwrap().manifest();
        assert!(Gathering::new(manifest, &manifest.digest()).unwrap().missing().is_some());
    }
}

fn make(dir: &Path) {
    let scene = Scene::new(3);
    let people: Vec<Custodian> = scene
        .people
        .iter()
        .zip(KEYS)
        .map(|(person, value)| Custodian { sealing: Fixed::new(value).1, ..person.custodian() })
        .collect();
    let names: Vec<Name> = scene.names();
    let roster = Roster::first("log.example", people).unwrap();
    let terms = Terms { roster: &roster, ..scene.terms(2, &names, None) };
    let secret = SecretBytes::from_slice(SECRET);
    let rng = &common::System;
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.join(name), hex::encode(bytes) + "\n").unwrap();
    let write_all = |scheme: &str, dealt: Dealt| {
        for share in scene.sign(dealt).1 {
            write(&format!("{scheme}-{}.share.hex", share.index()), &share.to_bytes());
        }
    };
    write(DEALER, scene.dealer_key.spki());
    write_all("shamir", hufu_shares::deal(&terms, &secret, rng).unwrap());
    write_all("feldman-p256", hufu_shares::deal_scalar(&terms, Curve::P256, &secret, rng).unwrap());
    write_all("feldman-sm2", hufu_shares::deal_scalar(&terms, Curve::Sm2, &secret, rng).unwrap());
}
