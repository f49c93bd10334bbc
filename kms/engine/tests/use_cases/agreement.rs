//! Keys derived from shared secrets: recorded, withheld like every output, and never the secret itself.

use futures_util::future::join;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::audit::AuditOutcome;
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};
use hufu_engine::api::{AuditFilter, Derivation, Derived, Kdf, PageRequest, Selector, VersionChange};

use crate::common::world::{ALICE, BOB, Member, World};
use crate::requests::{COMPROMISE, REVOKE, create, numbered, primary, reason, version};

fn hkdf() -> Derivation {
    Derivation { kdf: Kdf::HkdfSha256, salt: Vec::new(), info: b"alice and bob".to_vec(), len: 32 }
}

/// Two keys to agree, and their public halves.
fn world() -> (World, Vec<u8>, Vec<u8>) {
    let mut world = World::new();
    let public = ["k", "peer"].map(|id| {
        let request = create(ALICE, id, Algorithm::X25519);
        world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
        let key = world.call(ALICE, async |server, caller| server.engine.public_key(&caller, &primary(id)).await);
        key.unwrap().version.record.public_key.clone().unwrap()
    });
    let [ours, theirs] = public;
    (world, ours, theirs)
}

fn derive(
    world: &mut World,
    member: Member,
    key: &Selector,
    peer: &[u8],
    derivation: &Derivation,
) -> Result<Derived, Error> {
    world
        .call(member, async |server, caller| server.engine.derive_shared_secret(&caller, key, peer, derivation).await)
}

#[test]
fn both_sides_derive_one_key_and_the_trail_tells_of_it() {
    let (mut world, ours, theirs) = world();
    let one = derive(&mut world, ALICE, &primary("k"), &theirs, &hkdf()).unwrap();
    let other = derive(&mut world, ALICE, &primary("peer"), &ours, &hkdf()).unwrap();
    assert_eq!((one.secret.len(), &one.secret), (32, &other.secret));
    for different in [
        Derivation { info: b"alice and eve".to_vec(), ..hkdf() },
        Derivation { salt: vec![1], ..hkdf() },
        Derivation { kdf: Kdf::X963Sha256, ..hkdf() },
        Derivation { kdf: Kdf::X963Sm3, ..hkdf() },
    ] {
        let found = derive(&mut world, ALICE, &primary("k"), &theirs, &different).unwrap();
        assert_ne!(found.secret, one.secret, "{different:?}");
    }
    let filter = AuditFilter {
        tenant: ALICE.tenant(),
        key: Some(primary("peer").key),
        principal: None,
        action: Some(Action::DeriveSharedSecret.name().to_owned()),
        outcome: None,
        from_ms: None,
        until_ms: None,
    };
    let records = world
        .call(ALICE, async |server, caller| server.engine.list_audit(&caller, &filter, PageRequest::default()).await);
    let entry = &records.unwrap().items[0].entry;
    assert_eq!((&entry.outcome, entry.scheme), (&AuditOutcome::Done, Some(Scheme::Ecdh)));
    assert_eq!(entry.detail.as_deref(), Some("hkdf-sha256, 32 bytes"));
    assert!(entry.input_mac.is_some());
}

#[test]
fn a_key_is_withheld_when_the_version_was_revoked_meanwhile() {
    for change in [REVOKE, COMPROMISE] {
        let (mut world, _, theirs) = world();
        let request = VersionChange { name: version("k", 1), etag: None, change };
        let (revoked, derived) = world.call(ALICE, async |server, caller| {
            let derivation = hkdf();
            let selector = primary("k");
            join(
                server.engine.change_version(&caller, request),
                server.engine.derive_shared_secret(&caller, &selector, &theirs, &derivation),
            )
            .await
        });
        revoked.unwrap();
        assert_eq!(reason(derived), Reason::RevokedMeanwhile);
    }
}

/// What was agreed with the old version is still read; the primary one is another key.
#[test]
fn a_rotated_version_agrees_by_its_number_alone() {
    let (mut world, _, theirs) = world();
    let before = derive(&mut world, ALICE, &primary("k"), &theirs, &hkdf()).unwrap();
    world.rotate("k", None).unwrap();
    let old = derive(&mut world, ALICE, &numbered("k", 1), &theirs, &hkdf()).unwrap();
    assert_eq!(old.secret, before.secret);
    let new = derive(&mut world, ALICE, &primary("k"), &theirs, &hkdf()).unwrap();
    assert_ne!(new.secret, before.secret);
}

#[test]
fn bad_requests_are_refused_at_the_field_at_fault() {
    let (mut world, _, theirs) = world();
    let bad = [
        ("length_bytes", theirs.clone(), Derivation { len: 0, ..hkdf() }),
        ("length_bytes", theirs.clone(), Derivation { len: 1_025, ..hkdf() }),
        ("length_bytes", theirs.clone(), Derivation { len: usize::MAX, ..hkdf() }),
        ("salt", theirs.clone(), Derivation { salt: vec![0; 1_025], ..hkdf() }),
        ("salt", theirs.clone(), Derivation { kdf: Kdf::X963Sha256, salt: vec![0], ..hkdf() }),
        ("salt", theirs.clone(), Derivation { kdf: Kdf::X963Sm3, salt: vec![0], ..hkdf() }),
        ("info", theirs.clone(), Derivation { info: vec![0; 1_025], ..hkdf() }),
        ("peer_public_key", vec![0; 4_097], hkdf()),
        ("peer_public_key", vec![0x30], hkdf()),
    ];
    for (field, peer, derivation) in bad {
        let error = derive(&mut world, ALICE, &primary("k"), &peer, &derivation).unwrap_err();
        assert!(matches!(error.reason(), Reason::InvalidArgument | Reason::TooLarge), "{error}");
        assert_eq!(error.at_field(), Some(field), "{error}");
    }
    let stranger = derive(&mut world, BOB, &primary("k"), &theirs, &hkdf());
    assert_eq!(reason(stranger), Reason::PermissionDenied);
}

/// One purpose a key.
#[test]
fn a_key_that_agrees_does_nothing_else() {
    let (mut world, _, theirs) = world();
    world.signing_key("s");
    let answer = derive(&mut world, ALICE, &primary("s"), &theirs, &hkdf());
    assert_eq!(reason(answer), Reason::WrongPurpose);
    let signed = world.call(ALICE, async |server, caller| server.engine.mac(&caller, &primary("k"), b"x").await);
    assert_eq!(reason(signed), Reason::WrongPurpose);
    let made = world.call(ALICE, async |server, caller| server.engine.encapsulate(&caller, &primary("k")).await);
    assert_eq!(reason(made), Reason::WrongPurpose);
    for (purpose, scheme) in [(Purpose::Sign, None), (Purpose::Agree, Some(Scheme::Ed25519))] {
        let request =
            hufu_engine::api::CreateKey { purpose: Some(purpose), scheme, ..create(ALICE, "x", Algorithm::X25519) };
        let made = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await);
        assert_eq!(reason(made), Reason::UnsupportedAlgorithm);
    }
}
