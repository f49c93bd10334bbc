//! Kryoptic through the backend passes the suite of the seam: the token that has ML-DSA and ML-KEM (PKCS #11 v3.2).
//!
//! It takes minutes to build, so it runs where `HUFU_KRYOPTIC_MODULE` names the module.

mod support;

use std::path::Path;

use hufu_conformance::backend::{Subject, backend_suite, record};
use hufu_pkcs11::{Config, Pkcs11Backend, TokenSelector, find_or_init_token};
use support::{LABEL, OsRng, SO_PIN, secret, software, with_kryoptic};

const PIN: &[u8] = b"12345678";

#[test]
fn kryoptic_conforms() {
    with_kryoptic("kryoptic_conforms", async |module: &Path| {
        let serial = find_or_init_token(module, LABEL, &secret(SO_PIN), &secret(PIN)).unwrap();
        let config = Config::new(module, TokenSelector::Serial(serial), secret(PIN));
        let (backend, verifier) = (Pkcs11Backend::open(config).unwrap(), software());
        let subject = Subject { backend: &backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
        let report = backend_suite(&subject).await.unwrap();
        record("kryoptic", &report).unwrap();
        report.tested.iter().for_each(|tested| println!("tested: {tested}"));
        report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
        for row in ["ml-dsa-44 sign", "ml-dsa-65 sign", "ml-dsa-87 sign", "ml-kem-768 encapsulate"] {
            assert!(report.tested.iter().any(|tested| tested.starts_with(row)), "{row}: {:?}", report.skipped);
        }
    });
}
