//! A verifier key has one spelling: what parses, prints as the same text.
#![no_main]

use hufu_tlog::VerifierKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
});
