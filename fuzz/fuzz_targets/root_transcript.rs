//! What a stranger says was done with a root is judged without panic, and none is good: the pinned roster does not exist. What is read
//! has one encoding. The record is judged by itself too, as if the log's key had closed it.
#![no_main]

use hufu_custodian::{RosterHash, VerifyingKey};
use hufu_shares::{RootPins, RootRecord, RootTranscript};
use libfuzzer_sys::fuzz_target;

/// An Ed25519 key (RFC 8410): the base point, whose private key is of no matter here.
const LOG_KEY: [u8; 44] = {
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
    let Ok(log_key) = VerifyingKey::from_spki(&LOG_KEY) else {
        return;
    };
    let pins = RootPins { roster: RosterHash([0; 32]), log_key, deployment: "log.example".to_owned() };
    if let Ok(transcript) = RootTranscript::from_bytes(bytes) {
        assert_eq!(transcript.to_bytes(), bytes);
        assert!(transcript.verify(&pins).is_err());
    }
    if let Ok(record) = RootRecord::from_bytes(bytes) {
        assert_eq!(record.to_bytes(), bytes);
        let _ = (record.roster(), record.manifest(), record.confirmed(&[]));
    }
});
