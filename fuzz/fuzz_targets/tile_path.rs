//! A resource of the log has one path: what parses, prints as the same path.
#![no_main]

use hufu_tlog::TilePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(path) = TilePath::parse(text) {
        assert_eq!(path.to_string(), text);
    }
});
