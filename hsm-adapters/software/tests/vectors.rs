//! Published examples.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

mod support;

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{Aead, KeyBackend, Operation, Outcome, PublicKey, SignInput};
use k256::elliptic_curve::sec1::ToSec1Point as _;
use support::{backend, bytes, known, soon, verifies};

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

/// GM/T 0003.5-2012, signature example on the recommended curve.
const SM2_D: &str = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8";
const SM2_SPKI: &str = "3059301306072A8648CE3D020106082A811CCF5501822D03420004\
    09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020\
    CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";
const SM2_E: &str = "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640";
const SM2_SIGNATURE: &str = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3\
    B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";

#[tokio::test]
async fn sm2_signature_of_gmt_0003_5() {
    let (backend, spki, signature) = (backend(), unhex(SM2_SPKI), unhex(SM2_SIGNATURE));
    let key = |distinguishing_id| PublicKey {
        algorithm: Algorithm::Sm2,
        scheme: Scheme::Sm2Sm3,
        spki: &spki,
        distinguishing_id,
    };
    let message = SignInput::Message(b"message digest");
    assert!(verifies(&backend, &key(None), message, &signature).await.unwrap());
    assert!(verifies(&backend, &key(Some("1234567812345678")), message, &signature).await.unwrap());
    assert!(!verifies(&backend, &key(Some("ALICE123@YAHOO.COM")), message, &signature).await.unwrap());
    let e = unhex(SM2_E);
    assert!(verifies(&backend, &key(None), SignInput::Digest(&e), &signature).await.unwrap());
    // The private key of the example signs for its public key, by message and by digest.
    let mut handle = known(Algorithm::Sm2, Scheme::Sm2Sm3, &unhex(SM2_D));
    handle.public_key = Some(spki.clone().into());
    let signed = bytes(&backend, Operation::Sign(&handle, SignInput::Digest(&e))).await;
    assert!(verifies(&backend, &key(None), message, &signed).await.unwrap());
    let again = bytes(&backend, Operation::Sign(&handle, message)).await;
    assert!(verifies(&backend, &key(None), SignInput::Digest(&e), &again).await.unwrap());
    assert_ne!(signed, again, "nonces are hedged");
}

/// RFC 8998 appendix A.1.
#[tokio::test]
async fn sm4_gcm_of_rfc_8998() {
    let backend = backend();
    let handle = known(Algorithm::Sm4Gcm, Scheme::Sm4Gcm, &unhex("0123456789ABCDEFFEDCBA9876543210"));
    let nonce = unhex("00001234567800000000ABCD").try_into().unwrap();
    let aad = unhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
    let plaintext = unhex(
        "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD\
         EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA",
    );
    let sealed = unhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735\
         D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D\
         83DE3541E4C2B58177E065A9BF7B62EC",
    );
    let input = Aead { nonce: &nonce, aad: &aad, data: &plaintext };
    assert_eq!(bytes(&backend, Operation::Seal(&handle, input)).await, sealed);
    let opened = backend.perform(Operation::Open(&handle, Aead { data: &sealed, ..input }), soon()).await;
    assert!(matches!(opened, Ok(Outcome::Plaintext(p)) if p.expose() == plaintext));
}

/// RFC 8032 §7.1, test 3.
#[tokio::test]
async fn ed25519_of_rfc_8032() {
    let backend = backend();
    let seed = unhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    let mut handle = known(Algorithm::Ed25519, Scheme::Ed25519, &seed);
    let spki = "302a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    handle.public_key = Some(unhex(spki).into());
    let signature = bytes(&backend, Operation::Sign(&handle, SignInput::Message(&[0xaf, 0x82]))).await;
    let expected = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
    assert_eq!(signature, unhex(expected));
}

/// RFC 6979 §A.2.5 and §A.2.6: nonces of aws-lc are random, so the examples are verified, not reproduced.
#[tokio::test]
async fn ecdsa_of_rfc_6979_verifies() {
    let backend = backend();
    let p256 = "3059301306072a8648ce3d020106082a8648ce3d03010703420004\
        60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
        7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
    let signature = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
        F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
    check_ecdsa(&backend, Algorithm::P256, Scheme::EcdsaSha256, p256, signature).await;
    let p384 = "3076301006072a8648ce3d020106052b8104002203620004\
        EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13\
        8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720";
    let signature = "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46\
        99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8";
    check_ecdsa(&backend, Algorithm::P384, Scheme::EcdsaSha384, p384, signature).await;
}

/// `SubjectPublicKeyInfo` of a secp256k1 key up to its point.
const SPKI_SECP256K1: &str = "3056301006072a8648ce3d020106052b8104000a034200";

/// BIP-340, all test vectors; the verifier takes keys as `SubjectPublicKeyInfo`, with the point of even y.
#[tokio::test]
async fn schnorr_of_bip_340_verifies() {
    let backend = backend();
    let mut judged = 0;
    for line in include_str!("../../../custody/frost/tests/data/bip340.csv").lines().skip(1) {
        let [index, x_only, message, signature, good] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        let lifted = k256::PublicKey::from_sec1_bytes(&unhex(&format!("02{x_only}")));
        assert_eq!(lifted.is_err(), ["5", "14"].contains(&index), "vector {index}");
        let point = lifted.map_or_else(
            // No y goes with that x: whatever is written there, it is no key.
            |_| [&[4][..], &unhex(x_only), &[2; 32]].concat(),
            |point| point.to_sec1_point(false).as_bytes().to_vec(),
        );
        let spki = [unhex(SPKI_SECP256K1), point].concat();
        let (algorithm, scheme) = (Algorithm::Secp256k1, Scheme::SchnorrBip340);
        let key = PublicKey { algorithm, scheme, spki: &spki, distinguishing_id: None };
        let (message, signature) = (unhex(message), unhex(signature));
        let found = verifies(&backend, &key, SignInput::Message(&message), &signature).await;
        assert_eq!(found.unwrap_or(false), good == "TRUE", "vector {index}");
        judged += 1;
    }
    assert_eq!(judged, 19);
}

#[tokio::test]
async fn schnorr_of_bip_340_takes_messages_and_keys_of_even_y() {
    let backend = backend();
    let spki = unhex(
        "3056301006072a8648ce3d020106052b8104000a03420004\
         F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9\
         388F7B0F632DE8140FE337E62A37F3566500A99934C2231B6CB9FD7584B8E672",
    );
    let signature = unhex(
        "E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA8215\
         25F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0",
    );
    let (algorithm, scheme) = (Algorithm::Secp256k1, Scheme::SchnorrBip340);
    let key = PublicKey { algorithm, scheme, spki: &spki, distinguishing_id: None };
    let message = [0; 32];
    assert!(verifies(&backend, &key, SignInput::Message(&message), &signature).await.unwrap());
    assert!(!verifies(&backend, &key, SignInput::Message(&message[1..]), &signature).await.unwrap());
    assert!(!verifies(&backend, &key, SignInput::Message(&message), &signature[1..]).await.unwrap());
    let digest = verifies(&backend, &key, SignInput::Digest(&message), &signature).await;
    assert!(digest.is_err(), "BIP-340 takes messages");
    // The same x with the odd y is no key of this scheme: -y = p - y.
    let mut odd = spki.clone();
    odd.splice(56.., unhex("C77084F09CD217EBF01CC819D5C80CA99AFF5666CB3DDCE4934602897B4715BD"));
    assert!(
        verifies(&backend, &PublicKey { spki: &odd, ..key }, SignInput::Message(&message), &signature).await.is_err()
    );
}

async fn check_ecdsa(backend: &impl KeyBackend, algorithm: Algorithm, scheme: Scheme, spki: &str, signature: &str) {
    let (spki, signature) = (unhex(spki), unhex(signature));
    let key = PublicKey { algorithm, scheme, spki: &spki, distinguishing_id: None };
    for (message, good) in [(&b"sample"[..], true), (b"samplf", false)] {
        let operation = Operation::Verify(&key, SignInput::Message(message), &signature);
        let Ok(Outcome::Verified(found)) = backend.perform(operation, soon()).await else { panic!("verified") };
        assert_eq!(found, good, "{algorithm}");
    }
}

/// Public keys of the right shape that are no keys.
#[tokio::test]
async fn bad_public_keys_are_errors_and_not_bad_signatures() {
    let backend = backend();
    let good = unhex(SM2_SPKI);
    let mut off_curve = good.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let mut compressed_tag = good.clone();
    compressed_tag[26] = 2;
    let mut p256 = good.clone();
    p256[4..23].copy_from_slice(&unhex("06072a8648ce3d020106082a8648ce3d030107"));
    let trailing = [&good[..], &[0]].concat();
    for spki in [off_curve, compressed_tag, p256, trailing, good[..60].to_vec(), vec![], vec![0x30; 5000]] {
        for algorithm in [Algorithm::Sm2, Algorithm::Secp256k1, Algorithm::P256, Algorithm::P384, Algorithm::Ed25519]
        {
            let scheme = algorithm.entry().schemes[0].1;
            let key = PublicKey { algorithm, scheme, spki: &spki, distinguishing_id: None };
            let answer = verifies(&backend, &key, SignInput::Message(b"m"), &[1; 64]).await;
            assert!(answer.is_err(), "{algorithm} {}", hex::encode(&spki));
        }
    }
}
