//! What is said of a target counts when the service's key has signed it, and then only for the request that it fits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use hufu_ceremony::{Fingerprint, Refusal, SignedEvidence, Target, TargetEvidence, TargetKind};
use hufu_custodian::testing::Person;

fn evidence(key: &Person) -> TargetEvidence {
    let claims = [("serial", "HSM-1"), ("simulated", "no")];
    TargetEvidence {
        deployment: "log.example".to_owned(),
        kind: TargetKind::Hsm,
        sealing_key: key.custodian().sealing,
        claims: claims.map(|(claim, value)| (claim.parse().unwrap(), value.try_into().unwrap())).into(),
        made_at_ms: 1_790_000_000_000,
    }
}

fn target(of: &TargetEvidence) -> Target {
    let sealing_key = Fingerprint(of.sealing_key.fingerprint());
    let evidence = of.claims.iter().take(1).map(|(claim, value)| (claim.clone(), value.clone())).collect();
    Target { kind: of.kind, sealing_key, evidence }
}

#[test]
fn evidence_is_what_the_service_signed() {
    let (service, other, key) =
        (Person::new("service", "hufu"), Person::new("other", "hufu"), Person::new("key", "hufu"));
    let said = evidence(&key);
    let signed = SignedEvidence { evidence: said.to_bytes(), signature: service.sign(said.to_bytes()).signature };
    let bytes = signed.to_bytes();
    let read = |bytes: &[u8], by: &Person| SignedEvidence::from_bytes(bytes)?.verify(&by.custodian().signing);
    assert_eq!(read(&bytes, &service), Ok(said));
    assert_eq!(read(&bytes, &other).unwrap_err().reason(), "CEREMONY_EVIDENCE");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(read(&changed, &service).is_err(), "byte {at}");
        assert!(read(&bytes[..at], &service).is_err(), "cut at {at}");
    }
}

#[test]
fn every_claim_of_the_request_is_there_and_the_same() {
    let said = evidence(&Person::new("key", "hufu"));
    let fits = target(&said);
    assert_eq!(said.supports(&fits, "log.example"), Ok(()));
    let refused = |target: &Target| said.supports(target, "log.example").unwrap_err().reason();
    assert_eq!(said.supports(&fits, "log.other"), Err(Refusal::OtherDeployment));
    assert_eq!(refused(&Target { sealing_key: Fingerprint([0; 32]), ..fits.clone() }), "CEREMONY_OTHER_TARGET");
    assert_eq!(refused(&Target { kind: TargetKind::Process, ..fits.clone() }), "CEREMONY_EVIDENCE");
    for (claim, value) in [("serial", "HSM-2"), ("vendor", "someone")] {
        let evidence = [(claim.parse().unwrap(), value.try_into().unwrap())].into();
        assert_eq!(refused(&Target { evidence, ..fits.clone() }), "CEREMONY_EVIDENCE", "{claim}");
    }
}
