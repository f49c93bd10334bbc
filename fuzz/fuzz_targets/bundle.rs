//! A bundle from a stranger is judged without panic, and none is good: nobody signed it. What decodes,
//! keeps its meaning when it is written again.
#![no_main]

use hufu_verify::{Bundle, VerifierKey, verify_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(key) = VerifierKey::new("hufu.example/log", [0xd7; 32]) else {
        return;
    };
    assert!(verify_bundle(bytes, &key).is_err());
    if let Ok(bundle) = Bundle::decode(bytes) {
        let again = bundle.encode().map(|bytes| Bundle::decode(&bytes));
        assert_eq!(again, Ok(Ok(bundle)));
    }
});
