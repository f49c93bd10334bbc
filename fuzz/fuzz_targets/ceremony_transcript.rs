//! A transcript from a stranger is judged without panic, and none is good: the pinned roster does not exist. What is read
//! has one encoding.
#![no_main]

use hufu_ceremony::{Pins, Transcript, verify};
use hufu_custodian::{RosterHash, VerifyingKey};
use libfuzzer_sys::fuzz_target;

/// An Ed25519 key (RFC 8410): the base point, whose private key is of no matter here.
const SERVICE: [u8; 44] = {
    let mut spki = [0x66; 44];
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x58];
    let mut at = 0;
    while at < head.len() {
        spki[at] = head[at];
        at += 1;
    }
    spki
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transcript) = Transcript::from_bytes(bytes) {
        assert_eq!(transcript.to_bytes(), bytes);
    }
    let Ok(service) = VerifyingKey::from_spki(&SERVICE) else {
        return;
    };
    let pins = Pins { roster: RosterHash([0; 32]), policy: None, service, seen: None };
    assert!(verify(bytes, &pins).is_err());
});
