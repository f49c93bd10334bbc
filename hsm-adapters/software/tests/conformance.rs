//! The software backend passes the suite of its seam.

mod support;

use hufu_conformance::backend::{Subject, backend_suite};
use support::{OsRng, WRAPPING_KEY, backend};

#[tokio::test]
async fn software_conforms() {
    let backend = backend();
    let subject = Subject { backend: &backend, verifier: &backend, rng: &OsRng, wrapping_key: Some(WRAPPING_KEY) };
    let report = backend_suite(&subject).await.unwrap();
    report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
    assert_eq!(report.tested.len(), 29, "every row of the table is served: {:?}", report.tested);
    assert!(report.skipped.iter().all(|s| s.contains("keeps no material")), "{:?}", report.skipped);
}
