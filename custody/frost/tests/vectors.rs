//! Vectors, driven through what this crate shows: RFC 9591 appendix E.1 for FROST(Ed25519, SHA-512); and, since the RFC
//! has none for BIP-340, those of `frost-secp256k1-tr`.
//!
//! The vectors of BIP-340 itself draw the nonce from one party's key, so that holders who draw theirs together cannot make those
//! signatures; all of them, good and bad, are put to the group's own verifier.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{foreign_verifies, id};
use hufu_frost::{Group, KeyShare, MessageDigest, RandomError, SessionId, SigningPackage, Suite, aggregate};
use hufu_secret::SecretBytes;

const MESSAGE: &[u8] = b"test";

struct Vector {
    suite: Suite,
    group_key: &'static str,
    /// The points of the three shares, by a program that knows nothing but the curve.
    verifying_shares: [&'static str; 3],
    signers: [Signer; 2],
    signature: &'static str,
}

struct Signer {
    number: u8,
    share: &'static str,
    hiding_randomness: &'static str,
    binding_randomness: &'static str,
    hiding: &'static str,
    binding: &'static str,
    signature_share: &'static str,
}

/// RFC 9591 appendix E.1.
const RFC_9591: Vector = Vector {
    suite: Suite::Ed25519,
    group_key: "15d21ccd7ee42959562fc8aa63224c8851fb3ec85a3faf66040d380fb9738673",
    verifying_shares: [
        "fc2c9b8e335c132d9ebe0403c9317aac480bbbf8cbdb1bc3730bb68eb60dadf9",
        "f7c3031debffbaf121022409d057e6e1034a532636301d12e26beddff58d05c7",
        "2cff4148a2f965801fb1f25f1d2a4e5df2f75b3a57cd06f30471c2c774419a41",
    ],
    signers: [
        Signer {
            number: 1,
            share: "929dcc590407aae7d388761cddb0c0db6f5627aea8e217f4a033f2ec83d93509",
            hiding_randomness: "06894e04ee4aceec8619d5f6a0a180e2f47194d2ac306cba586b555e7c48d765",
            binding_randomness: "40d6f879ff22e22409f7d808fed81f37118e7d3e4af71c0f44c60207553bcbce",
            hiding: "9b116f12589591a7e23fe8048059ab10ab48e67739e7a2fb3890f61a7999478c",
            binding: "c39b66b7dfccb122da24f13587f9a08c4347cae70046ca15169adf90ba65854d",
            signature_share: "60997f0142e43e8005027fe5ab7447dac00d22c2d7ddd9571a02613ba7d81c08",
        },
        Signer {
            number: 3,
            share: "d3cb090a075eb154e82fdb4b3cb507f110040905468bb9c46da8bdea643a9a02",
            hiding_randomness: "fa5d950626782aade9e33fa781376d4888c2d1de7c37518bc248eb818ed0cdde",
            binding_randomness: "7459a4d14ded0e365b085271be8dc6600d5b88f3978a2174297ffa32001a5afc",
            hiding: "e679a2a971748ccfaabead4dbe8ac1def61275c186c79d471e1e45091ad1e687",
            binding: "b2a942478453fabb6bd3181c56ba657413447b4136e1daea2484d396d1a516b3",
            signature_share: "79390e78bc59699c7af831f8f5fb478ec871a85f561a8641b5670ac4443f720f",
        },
    ],
    signature: "154fb694ee7fcb37bf2381d94488c2a84b03b3352ad085feca81ad26d45852b7\
                ecfe971ce4da95c4a95db93ac376b053897fca212ef85f99cf696bffeb178f07",
};

const TAPROOT: Vector = Vector {
    suite: Suite::Bip340,
    group_key: "02f37c34b66ced1fb51c34a90bdae006901f10625cc06c4f64663b0eae87d87b4f",
    verifying_shares: [
        "026baee4bf7d4b9c4567dfff6f3c2c76df5c082e9320cd8187d6ab5965bc5a119a",
        "03dacc9463e5186f3c81ae1b314f7b09001a22b28bb56ad0abd3f376818f9604ab",
        "031404710e938032db0d4f6a4cd20ae37384be98ba9fe05b42d139361202b391e6",
    ],
    signers: [
        Signer {
            number: 1,
            share: "08f89ffe80ac94dcb920c26f3f46140bfc7f95b493f8310f5fc1ea2b01f4254c",
            hiding_randomness: "bda8e748e599187762cff956f03dc6ea13fc8e04491a0427b7e6e78600f41c52",
            binding_randomness: "2ca682429bf05df435b9927b8edb1d748278f3e42fa11ef358e49bbf4a1b780d",
            hiding: "024e34ab3a7ad6b4563dbfe97e9f1206b3378cceb2502491ed0fb709765e1e5ba8",
            binding: "03d4b1f3a61dc67e64dfb4abfccabb712f1f6914a6ec9b67749d171370453192cb",
            signature_share: "2ffc305d1694fd84108b84d98306a1af807c6ad9bc3a2d8e448a09643202a15b",
        },
        Signer {
            number: 3,
            share: "00e95d59dd0d46b0e303e500b62b7ccb0e555d49f5b849f5e748c071da8c0dbc",
            hiding_randomness: "70818dd5170672c4a4285fd593d4f222417f941f3118e1244955e7a1098a35d8",
            binding_randomness: "74ca2da071ed4a2a6cad5087d6758b48a558ab5861c61117fee05757e4b1309e",
            hiding: "02d768658a1b94225645401a1512b803657770c7a21bf9ccccccfa09930a44951b",
            binding: "034570a4e5217ee8770a28401185f50b4fce4d3f3933a3af9df7ab39b42381d0eb",
            signature_share: "a8c392566ea29e852b4080a028bf5547166c87e703e4fb7136d4ebef65f99b3f",
        },
    ],
    signature: "0c776a9516a77808b70a31e74f1464814a6fcf897fb3a6bd84c7a9a9a7a5bcb8\
                d8bfc2b385379c093bcc0579abc5f6f696e8f2c0c01f28ff7b5ef55397fc3c9a",
};

fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text).unwrap()
}

/// The vector's group: a trusted dealer made it, so its encoding is written here.
fn group(vector: &Vector) -> Group {
    let mut out = minicbor::Encoder::new(Vec::new());
    out.array(3).unwrap().str("hufu-frost-group").unwrap().u32(1).unwrap().array(4).unwrap();
    out.encode(vector.suite).unwrap().bytes(&[7; 32]).unwrap().array(2).unwrap().u8(2).unwrap().u8(3).unwrap();
    let shares = vector.verifying_shares.map(bytes).concat();
    out.array(2).unwrap().bytes(&bytes(vector.group_key)).unwrap().bytes(&shares).unwrap();
    Group::from_bytes(&out.into_writer()).unwrap()
}

fn check(vector: &Vector) {
    let group = group(vector);
    let session = SessionId([5; 32]);
    let mut states = Vec::new();
    let mut commitments = Vec::new();
    for signer in &vector.signers {
        let key =
            KeyShare::new(group.clone(), id(signer.number), SecretBytes::from_vec(bytes(signer.share))).unwrap();
        let mut draws = vec![bytes(signer.binding_randomness), bytes(signer.hiding_randomness)];
        let mut random = |buffer: &mut [u8]| {
            buffer.copy_from_slice(&draws.pop().ok_or(RandomError)?);
            Ok(())
        };
        let (nonces, commitment) = key.commit(session, MessageDigest::of(MESSAGE), &mut random).unwrap();
        assert_eq!(commitment.points(), (bytes(signer.hiding).as_slice(), bytes(signer.binding).as_slice()));
        states.push((key, nonces));
        commitments.push(commitment);
    }
    let package = SigningPackage::new(&group, session, MESSAGE, &commitments).unwrap();
    let mut shares = Vec::new();
    for ((key, nonces), signer) in states.into_iter().zip(&vector.signers) {
        let share = key.sign(nonces, &package).unwrap();
        assert_eq!(hex::encode(share.scalar()), signer.signature_share);
        shares.push(share);
    }
    let signature = aggregate(&group, &package, &shares).unwrap();
    assert_eq!(hex::encode(&signature), vector.signature);
    assert!(foreign_verifies(&group, MESSAGE, &signature));
}

#[test]
fn ed25519_vector_of_rfc_9591() {
    check(&RFC_9591);
}

#[test]
fn bip340_vector_of_the_library() {
    check(&TAPROOT);
}

/// A group of that x-only key; the shares are of another, and verifying does not look at them.
fn group_of_x_only(x_only: &[u8]) -> Option<Group> {
    let shares = TAPROOT.verifying_shares.map(bytes).concat();
    let mut out = minicbor::Encoder::new(Vec::new());
    out.array(3).unwrap().str("hufu-frost-group").unwrap().u32(1).unwrap().array(4).unwrap();
    out.encode(Suite::Bip340).unwrap().bytes(&[7; 32]).unwrap().array(2).unwrap().u8(2).unwrap().u8(3).unwrap();
    out.array(2).unwrap().bytes(&[&[2], x_only].concat()).unwrap().bytes(&shares).unwrap();
    Group::from_bytes(&out.into_writer()).ok()
}

#[test]
fn verifier_of_groups_judges_as_all_nineteen_vectors_of_bip_340_do() {
    let mut judged = 0;
    for line in include_str!("data/bip340.csv").lines().skip(1) {
        let [index, x_only, message, signature, good] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        let group = group_of_x_only(&bytes(x_only));
        // What is no key is refused before anything is verified under it.
        assert_eq!(group.is_none(), ["5", "14"].contains(&index), "vector {index}");
        let found = group.is_some_and(|group| group.verifies(&bytes(message), &bytes(signature)));
        assert_eq!(found, good == "TRUE", "vector {index}");
        judged += 1;
    }
    assert_eq!(judged, 19);
}
