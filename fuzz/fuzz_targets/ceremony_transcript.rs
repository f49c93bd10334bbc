//! A transcript from a stranger is judged without panic, and none is good: the pinned roster does not exist. What is read
//! has one encoding.
#![no_main]

use hufu_ceremony::{Pins, Transcript, verify};
use hufu_custodian::{RosterHash, VerifyingKey};
use libfuzzer_sys::fuzz_target;

/// An Ed25519 key: the base point, whose private key is of no matter here.
const SERVICE: [u8; 32] = {
    let mut key = [0x66; 32];
    key[0] = 0x58;
    key
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transcript) = Transcript::from_bytes(bytes) {
        assert_eq!(transcript.to_bytes(), bytes);
    }
    let Ok(service) = VerifyingKey::from_ed25519(&SERVICE) else {
        return;
    };
    let pins = Pins { roster: RosterHash([0; 32]), policy: None, service, seen: None };
    assert!(verify(bytes, &pins).is_err());
});
