//! SoftHSM through the worker passes the suite of the seam.

mod support;

use hufu_conformance::backend::{Subject, backend_suite, record};
use hufu_core::backend::KeyBackend;
use support::{OsRng, open, software, with_softhsm};

#[test]
fn softhsm_conforms_through_the_worker() {
    with_softhsm("softhsm_conforms_through_the_worker", async {
        let (backend, verifier) = (open(), software());
        let worker = backend.worker_pid();
        let subject = Subject { backend: &backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
        let report = backend_suite(&subject).await.unwrap();
        record("worker", &report).unwrap();
        report.tested.iter().for_each(|tested| println!("tested: {tested}"));
        report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
        assert_eq!(report.tested.len(), 18, "{:?}", report.tested);
        let refused = |row: &str| report.skipped.iter().find(|s| s.starts_with(row)).cloned().unwrap_or_default();
        assert!(refused("sm2 sign").ends_with("the token offers no SM2 signature mechanism"));
        assert!(backend.capabilities().simulated, "SoftHSM is a simulation");
        assert_eq!(backend.name(), format!("token:{}", backend.serial()));
        assert_eq!(backend.worker_pid(), worker, "no worker was lost");
    });
}
