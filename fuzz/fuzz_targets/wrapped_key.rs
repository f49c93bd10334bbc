//! The envelope of a wrapped key, PKCS #8 on its way in, and statements about import jobs.
#![no_main]

use hufu_secret::SecretBytes;
use hufu_transport::{Curve, MlDsa, Pair, from_pkcs8, public_key_of};
use hufu_verify::{VerifierKey, verify_import_statement};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = hufu_engine::read_envelope(data);
    let der = SecretBytes::from_slice(data);
    for pair in [Pair::Ec(Curve::P256), Pair::Ec(Curve::Sm2), Pair::Ed25519, Pair::MlDsa(MlDsa::L65), Pair::MlKem768] {
        let _ = from_pkcs8(pair, &der);
    }
    let _ = public_key_of(&der);
    if let Ok(key) = VerifierKey::new("example.com/log", [7; 32]) {
        let _ = verify_import_statement(data, &key);
    }
});
