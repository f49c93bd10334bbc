//! A policy of ceremonies in TOML: what is read has one encoding, and words in printable ASCII with its hash.
#![no_main]

use hufu_ceremony::CeremonyPolicy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(policy) = CeremonyPolicy::from_toml(text) {
        assert_eq!(CeremonyPolicy::from_bytes(&policy.to_bytes()).as_ref(), Ok(&policy));
        let words = policy.words();
        assert!(words.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
        assert!(words.ends_with(&format!("\nhash: {}\n", policy.hash())));
    }
});
