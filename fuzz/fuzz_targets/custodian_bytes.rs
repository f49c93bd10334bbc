//! Rosters, entries, pins, statements, challenges and key files are read without panic; what has one encoding has only that one.
#![no_main]

use hufu_custodian::{Awaited, Challenge, Custodian, Pin, Roster, SealingKey, Signed, VerifyingKey};
use hufu_custodian_keys::KeyFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(roster) = Roster::from_bytes(data) {
        assert_eq!(roster.to_bytes(), data);
        assert_eq!(Pin::of(&roster).hash(), roster.hash());
    }
    let _ = Custodian::from_bytes(data);
    let _ = KeyFile::from_bytes(data);
    let _ = Pin::from_bytes(data);
    let _ = Signed::from_bytes(data);
    let _ = Challenge::from_bytes(data);
    let _ = Awaited::from_bytes(data);
    let _ = SealingKey::from_spki(data);
    let _ = VerifyingKey::from_spki(data);
});
