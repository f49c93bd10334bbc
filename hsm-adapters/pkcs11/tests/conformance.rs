//! SoftHSM through the backend passes the suite of the seam.

mod support;

use hufu_conformance::backend::{Subject, backend_suite, record};
use hufu_core::backend::KeyBackend;
use support::{OsRng, software, token, with_softhsm};

#[test]
fn softhsm_conforms() {
    with_softhsm("softhsm_conforms", async {
        let (backend, verifier) = (token(), software());
        let subject = Subject { backend: &backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
        let report = backend_suite(&subject).await.unwrap();
        record("softhsm", &report).unwrap();
        report.tested.iter().for_each(|tested| println!("tested: {tested}"));
        report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
        assert_eq!(report.tested.len(), 18, "{:?}", report.tested);
        let refused = |row: &str| report.skipped.iter().find(|s| s.starts_with(row)).cloned().unwrap_or_default();
        assert!(refused("sm2 sign").ends_with("the token offers no SM2 signature mechanism"));
        assert!(refused("sm2 agree").ends_with("the token offers no SM2 key agreement mechanism"));
        assert!(refused("rsa3072 encrypt").contains("CKM_RSA_PKCS_OAEP, but a trial failed"));
        assert!(backend.capabilities().simulated, "SoftHSM is a simulation");
    });
}
