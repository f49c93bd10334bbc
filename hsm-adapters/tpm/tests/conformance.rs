//! A TPM through the backend passes the suite of the seam.

mod support;

use hufu_conformance::backend::{Subject, backend_suite, record};
use hufu_core::backend::KeyBackend as _;
use support::{OsRng, Swtpm, open, software};

#[tokio::test]
async fn swtpm_conforms() {
    let Some(tpm) = Swtpm::start() else { return };
    let (backend, verifier) = (open(&tpm).await, software());
    let subject = Subject { backend: &backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
    let report = backend_suite(&subject).await.unwrap();
    record("tpm", &report).unwrap();
    report.tested.iter().for_each(|tested| println!("tested: {tested}"));
    report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
    assert_eq!(report.tested, ["p256 sign ecdsa-sha256", "p256 agree ecdh", "sm2 sign sm2-sm3"]);
    assert!(backend.capabilities().simulated, "swtpm is a simulation");
}
