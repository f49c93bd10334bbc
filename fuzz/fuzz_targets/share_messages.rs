//! What custodians sign about shares, and what is dealt and waits for its signature: what decodes, encodes to the same bytes.
#![no_main]

use hufu_shares::{Confirmation, Contribution, Dealt, HandedOver, Handover, HandoverRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(handover) = Handover::from_bytes(bytes) {
        assert_eq!(handover.to_bytes(), bytes);
    }
    if let Ok(request) = HandoverRequest::from_bytes(bytes) {
        assert_eq!(request.to_bytes(), bytes);
    }
    if let Ok(handed) = HandedOver::from_bytes(bytes) {
        assert_eq!(handed.to_bytes(), bytes);
    }
    if let Ok(confirmation) = Confirmation::from_bytes(bytes) {
        assert_eq!(confirmation.to_bytes(), bytes);
    }
    if let Ok(contribution) = Contribution::from_bytes(bytes) {
        assert_eq!(contribution.to_bytes(), bytes);
    }
    if let Ok(dealt) = Dealt::from_bytes(bytes) {
        assert_eq!(dealt.to_bytes(), bytes);
    }
});
