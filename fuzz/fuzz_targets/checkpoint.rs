//! A checkpoint has one spelling: what parses, encodes to the same text.
#![no_main]

use hufu_tlog::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.encode().as_deref(), Ok(text));
    }
});
