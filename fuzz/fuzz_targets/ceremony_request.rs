//! A request in TOML: what is read has one encoding, and words in printable ASCII with its digest.
#![no_main]

use hufu_ceremony::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(request) = Request::from_toml(text) {
        assert_eq!(Request::from_bytes(&request.to_bytes()).as_ref(), Ok(&request));
        let words = request.words();
        assert!(words.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
        assert!(words.ends_with(&format!("\ndigest: {}\n", request.digest())));
    }
});
