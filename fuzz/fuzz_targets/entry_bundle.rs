//! Entry bundles and tiles have one encoding, and decoding allocates no more than it was given.
#![no_main]

use hufu_tlog::{decode_entries, decode_tile, encode_entries, encode_tile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entries) = decode_entries(bytes) {
        assert_eq!(encode_entries(&entries).as_deref(), Ok(bytes));
    }
    if let Ok(hashes) = decode_tile(bytes) {
        assert_eq!(encode_tile(&hashes), bytes);
    }
});
