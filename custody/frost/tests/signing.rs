//! Signing: what each party refuses, who is named, and what other programs say of the signatures.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{SUITES, commitments, foreign_verifies, id, random, session, shares, sign};
use hufu_frost::{
    Commitment, Error, Misconduct, PublicKey, Purpose, RandomError, SignatureShare, SigningPackage, Suite, aggregate,
};

const MESSAGE: &[u8] = b"the army moves when the halves meet";

#[test]
fn nonce_of_another_message_session_or_key_signs_nothing() {
    for suite in SUITES {
        let keys = shares(suite, 2, 3);
        let other_key = common::Run::new(suite, 2, 3, "another key").shares();
        let signers = [&keys[0], &keys[1]];
        let group = keys[0].group();
        let (ours, good) = commitments(&signers, session("a"), MESSAGE, "a");
        let (_, other_message) = commitments(&signers, session("a"), b"another", "a");
        let (_, other_session) = commitments(&signers, session("b"), MESSAGE, "a");
        let packages = [
            SigningPackage::new(group, session("a"), b"another", &other_message).unwrap(),
            SigningPackage::new(group, session("b"), MESSAGE, &other_session).unwrap(),
        ];
        for (nonces, package) in ours.into_iter().zip(&packages) {
            assert_eq!(keys[0].sign(nonces, package), Err(Error::OtherPurpose));
        }
        let (nonces, _) = commitments(&signers, session("a"), MESSAGE, "a");
        let package = SigningPackage::new(group, session("a"), MESSAGE, &good).unwrap();
        for nonces in nonces {
            assert_eq!(other_key[0].sign(nonces, &package), Err(Error::OtherPurpose));
        }
        assert_eq!(SigningPackage::new(group, session("b"), MESSAGE, &good), Err(Error::OtherPurpose));
    }
}

#[test]
fn package_with_another_commitment_of_mine_is_refused() {
    for suite in SUITES {
        let keys = shares(suite, 2, 3);
        let signers = [&keys[0], &keys[1]];
        let (_, good) = commitments(&signers, session("a"), MESSAGE, "a");
        let (others, _) = commitments(&signers, session("a"), MESSAGE, "b");
        let package = SigningPackage::new(keys[0].group(), session("a"), MESSAGE, &good).unwrap();
        for (key, nonces) in signers.iter().zip(others) {
            assert_eq!(key.sign(nonces, &package), Err(Error::WrongPackage));
        }
    }
}

#[test]
fn package_without_me_or_with_a_stranger_is_refused() {
    for suite in SUITES {
        let (keys, wide) = (shares(suite, 2, 3), common::Run::new(suite, 2, 5, "wide").shares());
        let group = keys[0].group();
        let (mut nonces, two) = commitments(&[&keys[0], &keys[1]], session("a"), MESSAGE, "a");
        let (_, three) = commitments(&[&keys[1], &keys[2]], session("a"), MESSAGE, "a");
        let without_me = SigningPackage::new(group, session("a"), MESSAGE, &three).unwrap();
        assert_eq!(keys[0].sign(nonces.remove(0), &without_me), Err(Error::WrongPackage));
        assert_eq!(SigningPackage::new(group, session("a"), MESSAGE, &two[..1]), Err(Error::WrongPackage));
        assert_eq!(
            SigningPackage::new(group, session("a"), MESSAGE, &[two[0].clone(), two[0].clone()]),
            Err(Error::WrongPackage)
        );
        // A stranger: holder 5 of a wider group, in a package that is told to be of this one.
        let (_, stranger) = commitments(&[&wide[4]], session("a"), MESSAGE, "a");
        let mut bytes = SigningPackage::new(group, session("a"), MESSAGE, &two).unwrap().to_bytes();
        let second = two[1].to_bytes();
        let tail = second.len() - 2 * (suite.point_len() + 2);
        let at = bytes.len() - (second.len() - tail) - 2;
        assert_eq!(bytes[at], 2, "the key of the map's second entry");
        bytes[at] = 5;
        let package = SigningPackage::from_bytes(&bytes).unwrap();
        assert!(package.signers().eq([id(1), id(5)]) && !stranger.is_empty());
        let (nonces, _) = commitments(&[&keys[0]], session("a"), MESSAGE, "a");
        for nonces in nonces {
            assert_eq!(keys[0].sign(nonces, &package), Err(Error::WrongPackage));
        }
    }
}

fn named(culprits: &[u8], how: Misconduct) -> Error {
    Error::Misbehaved { culprits: culprits.iter().map(|number| id(*number)).collect(), how }
}

#[test]
fn every_holder_with_a_wrong_share_is_named_and_nobody_else() {
    for suite in SUITES {
        let keys = shares(suite, 3, 5);
        let signers = [&keys[0], &keys[2], &keys[4]];
        let group = keys[0].group();
        for cheats in [&[1u8][..], &[3], &[5], &[1, 5], &[1, 3, 5]] {
            let (nonces, commitments) = commitments(&signers, session("a"), MESSAGE, "a");
            let package = SigningPackage::new(group, session("a"), MESSAGE, &commitments).unwrap();
            let mut shares = Vec::new();
            for (key, nonces) in signers.iter().zip(nonces) {
                let mut bytes = key.sign(nonces, &package).unwrap().to_bytes();
                if cheats.contains(&key.me().number()) {
                    // The lowest bit of the scalar, wherever the suite's encoding has it.
                    let low = if suite == Suite::Ed25519 { bytes.len() - 32 } else { bytes.len() - 1 };
                    bytes[low] ^= 1;
                }
                shares.push(SignatureShare::receive(&package, key.me(), &bytes).unwrap());
            }
            assert_eq!(aggregate(group, &package, &shares), Err(named(cheats, Misconduct::WrongSignatureShare)));
        }
    }
}

#[test]
fn share_that_is_no_scalar_is_named() {
    for suite in SUITES {
        let keys = shares(suite, 2, 2);
        let signers = [&keys[0], &keys[1]];
        let (nonces, commitments) = commitments(&signers, session("a"), MESSAGE, "a");
        let package = SigningPackage::new(keys[0].group(), session("a"), MESSAGE, &commitments).unwrap();
        let sign = |(key, nonces): (&&hufu_frost::KeyShare, _)| key.sign(nonces, &package).unwrap();
        let mut shares: Vec<_> = signers.iter().zip(nonces).map(sign).collect();
        let mut bytes = shares[1].to_bytes();
        let scalar = bytes.len() - 32;
        bytes[scalar..].fill(0xff);
        shares[1] = SignatureShare::receive(&package, id(2), &bytes).unwrap();
        assert_eq!(aggregate(keys[0].group(), &package, &shares), Err(named(&[2], Misconduct::WrongSignatureShare)));
    }
}

#[test]
fn share_made_with_other_nonces_than_committed_is_named() {
    for suite in SUITES {
        let keys = shares(suite, 2, 2);
        let signers = [&keys[0], &keys[1]];
        let group = keys[0].group();
        let (mut nonces, good) = commitments(&signers, session("a"), MESSAGE, "a");
        let (mut swapped, other) = commitments(&signers, session("a"), MESSAGE, "b");
        let package = SigningPackage::new(group, session("a"), MESSAGE, &good).unwrap();
        let cheat = SigningPackage::new(group, session("a"), MESSAGE, &[good[0].clone(), other[1].clone()]).unwrap();
        let honest = keys[0].sign(nonces.remove(0), &package).unwrap();
        let wrong = keys[1].sign(swapped.remove(1), &cheat).unwrap();
        let wrong = SignatureShare::receive(&package, id(2), &wrong.to_bytes()).unwrap();
        let result = aggregate(group, &package, &[honest, wrong]);
        assert_eq!(result, Err(named(&[2], Misconduct::WrongSignatureShare)));
    }
}

#[test]
fn commitment_of_another_session_message_holder_or_group_is_named() {
    for suite in SUITES {
        let keys = shares(suite, 2, 3);
        let other = common::Run::new(suite, 2, 3, "another key").shares();
        let group = keys[0].group();
        let one = |key: &hufu_frost::KeyShare, seed: &str, message: &[u8]| {
            commitments(&[key], session(seed), message, seed).1.remove(0)
        };
        let purpose: Purpose =
            Purpose { group: group.digest(), session: session("a"), message: hufu_frost::MessageDigest::of(MESSAGE) };
        let receive = |commitment: &Commitment| Commitment::receive(group, &purpose, id(1), &commitment.to_bytes());
        assert!(receive(&one(&keys[0], "a", MESSAGE)).is_ok());
        let elsewhere = [one(&keys[0], "b", MESSAGE), one(&keys[0], "a", b"x"), one(&other[0], "a", MESSAGE)];
        for wrong in &elsewhere {
            assert_eq!(receive(wrong), Err(named(&[1], Misconduct::OtherSession)));
        }
        assert_eq!(receive(&one(&keys[1], "a", MESSAGE)), Err(named(&[1], Misconduct::Malformed)));
    }
}

#[test]
fn commitment_that_is_no_point_of_prime_order_is_named() {
    for suite in SUITES {
        let keys = shares(suite, 2, 2);
        let group = keys[0].group();
        let (nonces, good) = commitments(&[&keys[0]], session("a"), MESSAGE, "a");
        let good = good[0].to_bytes();
        // Neutral element, a point of order 8 or none at all, and no x-coordinate.
        for fill in [0u8, 1, 0xff] {
            let mut bytes = good.clone();
            let at = bytes.len() - suite.point_len();
            bytes[at..].fill(fill);
            let received = Commitment::receive(group, nonces[0].purpose(), id(1), &bytes);
            assert_eq!(received, Err(named(&[1], Misconduct::WrongCommitment)), "{suite} {fill}");
        }
        if suite == Suite::Ed25519 {
            let mut bytes = good;
            let at = bytes.len() - 32;
            bytes[at..].fill(0);
            bytes[at] = 1;
            assert!(Commitment::receive(group, nonces[0].purpose(), id(1), &bytes).is_err(), "the neutral element");
        }
    }
}

#[test]
fn share_of_another_session_or_holder_is_named() {
    for suite in SUITES {
        let keys = shares(suite, 2, 2);
        let signers = [&keys[0], &keys[1]];
        let package = |seed: &str| {
            let (nonces, commitments) = commitments(&signers, session(seed), MESSAGE, seed);
            (nonces, SigningPackage::new(keys[0].group(), session(seed), MESSAGE, &commitments).unwrap())
        };
        let ((mut ours, one), (mut theirs, two)) = (package("a"), package("b"));
        let of_two = keys[0].sign(theirs.remove(0), &two).unwrap().to_bytes();
        let of_one = keys[0].sign(ours.remove(0), &one).unwrap().to_bytes();
        assert_eq!(SignatureShare::receive(&one, id(1), &of_two), Err(named(&[1], Misconduct::OtherSession)));
        assert_eq!(SignatureShare::receive(&one, id(2), &of_one), Err(named(&[2], Misconduct::Malformed)));
        assert_eq!(SignatureShare::receive(&one, id(1), b""), Err(named(&[1], Misconduct::Malformed)));
    }
}

#[test]
fn failing_random_source_makes_no_commitment() {
    for suite in SUITES {
        let keys = shares(suite, 2, 2);
        for good in 0..2 {
            let mut left = good;
            let mut source = random("fails");
            let mut failing = |buffer: &mut [u8]| {
                left -= 1;
                if left < 0 { Err(RandomError) } else { source(buffer) }
            };
            let committed = keys[0].commit(session("a"), hufu_frost::MessageDigest::of(b"m"), &mut failing);
            assert_eq!(committed.map(|_| ()).unwrap_err(), Error::Random(RandomError));
        }
    }
}

#[test]
fn messages_of_every_length_verify() {
    for suite in SUITES {
        let keys = shares(suite, 2, 3);
        for len in [0, 1, 31, 32, 33, 64, 1_000, hufu_frost::MESSAGE_LEN_MAX] {
            let message = vec![0xa5; len];
            let signature = sign(&[&keys[0], &keys[2]], &message, "lengths").unwrap();
            assert!(foreign_verifies(keys[0].group(), &message, &signature), "{suite} {len}");
            assert!(keys[0].group().verifies(&message, &signature));
            assert!(!keys[0].group().verifies(b"another message", &signature));
        }
        let longer = vec![0; hufu_frost::MESSAGE_LEN_MAX + 1];
        assert!(matches!(sign(&[&keys[0], &keys[2]], &longer, "longer"), Err(Error::TooLong { .. })));
    }
}

fn openssl(dir: &Path, arguments: &[&str]) -> bool {
    Command::new("openssl").args(arguments).current_dir(dir).output().unwrap().status.success()
}

#[test]
fn openssl_takes_ed25519_signatures() {
    let keys = shares(Suite::Ed25519, 3, 5);
    let dir = tempfile::tempdir().unwrap();
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: no openssl program");
        return;
    }
    let PublicKey::Ed25519 { spki } = keys[0].group().public_key() else { panic!("not an Ed25519 key") };
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("key.der", &spki);
    write("message", MESSAGE);
    write("other", b"another message");
    let verify = |message: &str| {
        let key = ["-verify", "-pubin", "-inkey", "key.der", "-keyform", "DER"];
        openssl(dir.path(), &[&["pkeyutl"], &key[..], &["-rawin", "-in", message, "-sigfile", "signature"]].concat())
    };
    for signers in [[0, 1, 2], [0, 2, 4], [2, 3, 4]] {
        let signers = signers.map(|index| &keys[index]);
        write("signature", &sign(&signers, MESSAGE, "openssl").unwrap());
        assert!(verify("message"));
        assert!(!verify("other"));
    }
}
