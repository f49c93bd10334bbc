//! A share file and the manifest in it have one encoding: what decodes, encodes to the same bytes.
#![no_main]

use hufu_shares::{Manifest, Share, SignedManifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(share) = Share::from_bytes(bytes) {
        assert_eq!(share.to_bytes(), bytes);
        assert!(share.manifest().unverified().seat(share.index()).is_some());
    }
    if let Ok(manifest) = SignedManifest::from_bytes(bytes) {
        assert_eq!(manifest.to_bytes(), bytes);
    }
    if let Ok(manifest) = Manifest::from_bytes(bytes) {
        assert_eq!(manifest.to_bytes(), bytes);
    }
});
