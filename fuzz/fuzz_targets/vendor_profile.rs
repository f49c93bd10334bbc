//! A vendor profile from an operator is read without panic, and what was read reads the same again.
#![no_main]

use hufu_pkcs11::VendorProfile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match VendorProfile::parse(text) {
        Ok(profile) => assert_eq!(VendorProfile::parse(profile.text()), Ok(profile)),
        Err(error) => assert!(!error.field().is_empty() && error.to_string().len() < 4_096),
    }
});
