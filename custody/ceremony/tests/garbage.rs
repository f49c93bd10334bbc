//! Whatever is read from outside is judged without panic, and what is read keeps its bytes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::convert::Infallible;
use std::sync::LazyLock;

use common::*;
use hufu_ceremony::{
    BroughtShare, CeremonyPolicy, Decision, Event, Pins, Request, ShareStatement, SignedEvidence, Transcript, verify,
};
use hufu_custodian::testing::Person;
use proptest::prelude::*;
use proptest::sample::Index;

struct Genuine {
    request: Vec<u8>,
    policy: Vec<u8>,
    events: Vec<Vec<u8>>,
    transcript: Vec<u8>,
    pins: Pins,
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let (world, service) = (World::new(), Person::new("service", "hufu"));
    let ceremony = world.executed();
    let sign = |bytes: &[u8]| Ok::<_, Infallible>(service.sign(bytes.to_vec()).signature);
    let (roster, key) = (world.grounds.roster_hash(), service.custodian().signing);
    Genuine {
        request: ceremony.request().to_bytes(),
        policy: world.grounds.policy().to_bytes(),
        events: ceremony.events().iter().map(Event::to_bytes).collect(),
        transcript: Transcript::close(&ceremony, "hufud/0.1.0".try_into().unwrap(), sign).unwrap().to_bytes(),
        pins: Pins { roster, policy: None, service: key, seen: None },
    }
});

fn judge(bytes: &[u8]) {
    if let Ok(request) = Request::from_bytes(bytes) {
        assert_eq!(request.to_bytes(), bytes);
        assert!(request.words().is_ascii());
    }
    if let Ok(policy) = CeremonyPolicy::from_bytes(bytes) {
        assert_eq!(policy.to_bytes(), bytes);
        assert!(policy.words().is_ascii());
    }
    if let Ok(event) = Event::from_bytes(bytes) {
        assert_eq!(event.to_bytes(), bytes);
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
    if let Ok(transcript) = Transcript::from_bytes(bytes) {
        assert_eq!(transcript.to_bytes(), bytes);
    }
    assert!(bytes == GENUINE.transcript || verify(bytes, &GENUINE.pins).is_err());
}

/// Some bytes of a genuine record replaced, put in or taken out.
fn spoilt(mut bytes: Vec<u8>, changes: &[(Index, u8, u8)]) -> Vec<u8> {
    for (place, kind, byte) in changes {
        let at = place.index(bytes.len());
        match kind % 3 {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            _ if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_of_strangers(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        judge(&bytes);
    }

    #[test]
    fn records_that_were_spoilt(
        which in any::<Index>(),
        changes in prop::collection::vec(any::<(Index, u8, u8)>(), 0..6),
    ) {
        let genuine = &*GENUINE;
        let all: Vec<&Vec<u8>> =
            [&genuine.request, &genuine.policy, &genuine.transcript].into_iter().chain(&genuine.events).collect();
        judge(&spoilt(all[which.index(all.len())].clone(), &changes));
    }

    #[test]
    fn files_that_were_spoilt(
        policy in any::<bool>(),
        changes in prop::collection::vec(any::<(Index, u8, u8)>(), 1..6),
    ) {
        let file = if policy { include_str!("../../../docs/ceremonies/policy.toml") } else { include_str!("../../../docs/ceremonies/recovery.toml") };
        let file = String::from_utf8_lossy(&spoilt(file.as_bytes().to_vec(), &changes)).into_owned();
        if let Ok(request) = Request::from_toml(&file) {
            prop_assert_eq!(Request::from_bytes(&request.to_bytes()), Ok(request));
        }
        if let Ok(policy) = CeremonyPolicy::from_toml(&file) {
            prop_assert_eq!(CeremonyPolicy::from_bytes(&policy.to_bytes()), Ok(policy));
        }
    }
}
