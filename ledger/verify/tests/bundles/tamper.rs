//! A bundle with any byte changed is refused; random input never panics.

use hufu_verify::{Bundle, Event, verify_bundle};
use proptest::prelude::*;

use crate::fixture::{Life, Log, ORIGIN};

fn life() -> Life {
    Life::registered().then(&[Event::Activate, Event::Revoke])
}

#[test]
fn every_flipped_bit_is_refused() {
    let life = life();
    let good = life.bundle().encode().unwrap();
    assert!(verify_bundle(&good, &life.log.key).is_ok());
    let mut bytes = good.clone();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            assert!(verify_bundle(&bytes, &life.log.key).is_err(), "byte {at} bit {bit}");
            bytes[at] ^= 1 << bit;
        }
    }
    assert_eq!(bytes, good);
}

#[test]
fn every_truncation_and_addition_is_refused() {
    let life = life();
    let good = life.bundle().encode().unwrap();
    for length in 0..good.len() {
        assert!(verify_bundle(&good[..length], &life.log.key).is_err(), "{length}");
    }
    for more in [&b"\0"[..], b"\xff", &good] {
        assert!(verify_bundle(&[&good, more].concat(), &life.log.key).is_err());
    }
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), xor in 1..=255_u8) {
        let life = life();
        let mut bytes = life.bundle().encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        prop_assert!(verify_bundle(&bytes, &life.log.key).is_err());
    }

    #[test]
    fn spliced_bundles_never_panic(
        from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), noise in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let life = life();
        let mut bytes = life.bundle().encode().unwrap();
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        let original = bytes.clone();
        bytes.splice(from.min(to)..from.max(to), noise);
        prop_assert!(verify_bundle(&bytes, &life.log.key).is_err() || bytes == original);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let key = Log::new(ORIGIN).key;
        prop_assert!(verify_bundle(&bytes, &key).is_err());
        let headed = [b"\x83\x6bhufu-bundle\x01", &bytes[..]].concat();
        prop_assert!(verify_bundle(&headed, &key).is_err());
        let _ = Bundle::decode(&headed);
    }
}
