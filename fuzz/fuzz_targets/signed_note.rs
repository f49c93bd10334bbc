//! A signed note has one spelling: what parses, encodes to the same bytes.
#![no_main]

use hufu_tlog::SignedNote;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = SignedNote::parse(bytes) {
        assert_eq!(note.encode().as_bytes(), bytes);
    }
});
