//! RFC 9591 appendix E.1, FROST(Ed25519, SHA-512), driven through what this crate shows.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{foreign_verifies, id};
use hufu_frost::{Group, KeyShare, MessageDigest, RandomError, SessionId, SigningPackage, Suite, aggregate};
use hufu_secret::SecretBytes;

const GROUP_KEY: &str = "15d21ccd7ee42959562fc8aa63224c8851fb3ec85a3faf66040d380fb9738673";
const MESSAGE: &[u8] = b"test";
const SIGNATURE: &str = "154fb694ee7fcb37bf2381d94488c2a84b03b3352ad085feca81ad26d45852b7\
                         ecfe971ce4da95c4a95db93ac376b053897fca212ef85f99cf696bffeb178f07";

struct Signer {
    number: u8,
    share: &'static str,
    hiding_randomness: &'static str,
    binding_randomness: &'static str,
    hiding: &'static str,
    binding: &'static str,
    signature_share: &'static str,
}

const SIGNERS: [Signer; 2] = [
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
];

/// The points of the three shares, by a program that knows nothing but the curve; holder 2 does not sign.
const VERIFYING_SHARES: [&str; 3] = [
    "fc2c9b8e335c132d9ebe0403c9317aac480bbbf8cbdb1bc3730bb68eb60dadf9",
    "f7c3031debffbaf121022409d057e6e1034a532636301d12e26beddff58d05c7",
    "2cff4148a2f965801fb1f25f1d2a4e5df2f75b3a57cd06f30471c2c774419a41",
];

fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text).unwrap()
}

/// The vector's group: a trusted dealer made it, so its encoding is written here.
fn group() -> Group {
    let shares = VERIFYING_SHARES.map(bytes).concat();
    let mut out = minicbor::Encoder::new(Vec::new());
    out.array(3).unwrap().str("hufu-frost-group").unwrap().u32(1).unwrap().array(4).unwrap();
    out.encode(Suite::Ed25519).unwrap().bytes(&[7; 32]).unwrap().array(2).unwrap().u8(2).unwrap().u8(3).unwrap();
    out.array(2).unwrap().bytes(&bytes(GROUP_KEY)).unwrap().bytes(&shares).unwrap();
    Group::from_bytes(&out.into_writer()).unwrap()
}

#[test]
fn ed25519_vector_of_rfc_9591() {
    let group = group();
    let session = SessionId([5; 32]);
    let mut states = Vec::new();
    let mut commitments = Vec::new();
    for signer in &SIGNERS {
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
    for ((key, nonces), signer) in states.into_iter().zip(&SIGNERS) {
        let share = key.sign(nonces, &package).unwrap();
        assert_eq!(hex::encode(share.scalar()), signer.signature_share);
        shares.push(share);
    }
    let signature = aggregate(&group, &package, &shares).unwrap();
    assert_eq!(hex::encode(&signature), SIGNATURE);
    assert!(foreign_verifies(&group, MESSAGE, &signature));
}
