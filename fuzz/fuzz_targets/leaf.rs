//! A leaf has one encoding (RFC 8949 §4.2): what decodes, encodes to the same bytes.
#![no_main]

use hufu_verify::Leaf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(leaf) = Leaf::decode(bytes) {
        assert_eq!(leaf.encode().as_deref(), Ok(bytes));
    }
});
