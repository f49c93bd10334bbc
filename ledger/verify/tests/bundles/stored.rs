//! A bundle made by the first version: it must keep verifying, and the same events must keep making
//! the same bytes.

use hufu_tlog::VerifierKey;
use hufu_verify::{Event, Status, verify_bundle};

use crate::fixture::Life;

const BUNDLE: &[u8] = include_bytes!("../data/revoked-v1.bundle");
const KEY: &str = include_str!("../data/log-v1.vkey");

#[test]
fn the_stored_bundle_verifies() {
    let key = VerifierKey::parse(KEY.trim_end()).unwrap();
    let report = verify_bundle(BUNDLE, &key).unwrap();
    assert_eq!((report.status, report.last_event, report.checkpoint_size), (Status::Compromised, Event::Revoke, 6));
}

#[test]
fn the_same_events_make_the_same_bytes() {
    let life = Life::registered().then(&[Event::Activate, Event::Revoke]);
    let made = life.bundle().encode().unwrap();
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    if std::env::var_os("HUFU_REGENERATE_TESTDATA").is_some() {
        std::fs::write(format!("{directory}/revoked-v1.bundle"), &made).unwrap();
        std::fs::write(format!("{directory}/log-v1.vkey"), format!("{}\n", life.log.key)).unwrap();
    }
    assert_eq!(made, BUNDLE);
    assert_eq!(life.log.key.to_string(), KEY.trim_end());
}
