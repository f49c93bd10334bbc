//! Events, requests, policies and statements of ceremonies have one encoding: what is read, is written as the same bytes.
#![no_main]

use hufu_ceremony::{BroughtShare, CeremonyPolicy, Decision, Event, Request, ShareStatement, SignedEvidence};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = Event::from_bytes(bytes) {
        assert_eq!(event.to_bytes(), bytes);
    }
    if let Ok(request) = Request::from_bytes(bytes) {
        assert_eq!(request.to_bytes(), bytes);
    }
    if let Ok(policy) = CeremonyPolicy::from_bytes(bytes) {
        assert_eq!(policy.to_bytes(), bytes);
    }
    if let Ok(decision) = Decision::from_bytes(bytes) {
        assert_eq!(decision.to_bytes(), bytes);
    }
    if let Ok(share) = ShareStatement::from_bytes(bytes) {
        assert_eq!(share.to_bytes(), bytes);
    }
    if let Ok(brought) = BroughtShare::from_bytes(bytes) {
        assert_eq!(brought.to_bytes(), bytes);
    }
    if let Ok(evidence) = SignedEvidence::from_bytes(bytes) {
        assert_eq!(evidence.to_bytes(), bytes);
    }
});
