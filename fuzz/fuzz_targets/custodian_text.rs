//! Armour, printed texts and words are read without panic, and what was read is written again so that it reads the same.
#![no_main]

use hufu_custodian::{armour, from_words, printable, words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok((label, bytes)) = armour::read(text) {
        assert_eq!(armour::read(&armour::write(label, &bytes).unwrap()), Ok((label, bytes)));
    }
    if let Ok((label, bytes)) = printable::read(text) {
        assert_eq!(printable::read(&printable::write(label, &bytes).unwrap()), Ok((label, bytes)));
    }
    if let Ok(hash) = from_words(text) {
        assert_eq!(from_words(&words(&hash)), Ok(hash));
    }
});
