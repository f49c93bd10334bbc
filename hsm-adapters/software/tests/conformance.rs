//! The software backend passes the suite of its seam.

mod support;

use hufu_conformance::backend::{Subject, backend_suite, record};
use hufu_core::algorithm::TABLE;
use support::{OsRng, WRAPPING_KEY, backend};

#[tokio::test]
async fn software_conforms() {
    let backend = backend();
    let subject = Subject { backend: &backend, verifier: &backend, rng: &OsRng, wrapping_key: Some(WRAPPING_KEY) };
    let report = backend_suite(&subject).await.unwrap();
    record("software", &report).unwrap();
    report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
    let rows: usize = TABLE.iter().map(|row| row.schemes.len()).sum();
    // Keys of holders are theirs alone.
    let (refused, others): (Vec<_>, Vec<_>) =
        report.skipped.iter().partition(|skipped| skipped.starts_with("secp256k1 sign schnorr-bip340: "));
    assert_eq!((report.tested.len(), refused.len()), (rows - 1, 1), "every other row is served: {:?}", report.tested);
    assert!(others.iter().all(|s| s.contains("keeps no material")), "{others:?}");
}
