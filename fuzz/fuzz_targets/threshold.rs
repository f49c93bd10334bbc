//! Messages of threshold signatures, mandates and groups: read without panic, and each in one form only.
#![no_main]

use hufu_frost::dkg::{Agreement, Setup, Statement, begin};
use hufu_frost::{
    Commitment, Group, Holder, Identifier, Limits, MessageDigest, Policy, Purpose, Refused, SessionId, SetId, SignedGenerationMandate, SignedMandate, SigningPackage, SigningRequest, Suite, Threshold, VerifySignature,
    recognise,
};
use libfuzzer_sys::fuzz_target;

struct Anything;

impl VerifySignature for Anything {
    fn verifies(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = (recognise(data), Refused::from_bytes(data));
    if let Ok(group) = Group::from_bytes(data) {
        assert_eq!(group.to_bytes(), data);
        let purpose = Purpose { group: group.digest(), session: SessionId([0; 32]), message: MessageDigest([0; 32]) };
        if let Ok(one) = Identifier::new(1) {
            let _ = Commitment::receive(&group, &purpose, one, data);
        }
    }
    if let Ok(package) = SigningPackage::from_bytes(data) {
        assert_eq!(package.to_bytes(), data);
    }
    if let Ok(mandate) = SignedMandate::from_bytes(data) {
        assert_eq!(mandate.to_bytes(), data);
    }
    if let Ok(mandate) = SignedGenerationMandate::from_bytes(data) {
        assert_eq!(mandate.to_bytes(), data);
        let _ = mandate.set_id();
    }
    if let Ok(statement) = Statement::from_bytes(data) {
        assert_eq!(statement.to_bytes(), data);
    }
    if let Ok(request) = SigningRequest::from_bytes(data) {
        assert_eq!(request.to_bytes(), data);
    }
    key_generation(data);
    holder(data);
});

fn key_generation(data: &[u8]) {
    let mut random = |buffer: &mut [u8]| {
        buffer.fill(7);
        Ok(())
    };
    let (Ok(threshold), Ok(one), Ok(two)) = (Threshold::new(2, 3), Identifier::new(1), Identifier::new(2)) else {
        return;
    };
    for suite in [Suite::Ed25519, Suite::Bip340] {
        let set = SetId([0; 32]);
        if let Ok((mut state, _)) = Setup::new(suite, threshold, set, one).and_then(|setup| begin(setup, &mut random))
        {
            let _ = state.receive(two, data);
        }
        let _ = Agreement::new(suite, threshold, set).receive(two, data);
    }
}

fn holder(data: &[u8]) {
    let policy = Policy {
        deployment: "d".into(),
        mandate_lifetime_ms_max: 1_000,
        requesters: std::collections::BTreeMap::new(),
    };
    let mut holder = Holder::new(policy, Limits::default(), Anything, [], 0);
    let _ = holder.commit(data, 1, &mut |_: &mut [u8]| Ok(())).release(|_| Ok::<_, ()>(()));
    let _ = holder.sign(data, 1).release(|_| Ok::<_, ()>(()));
}
