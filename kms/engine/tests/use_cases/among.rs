//! Keys of holders: what the engine refuses before it troubles them, and what it keeps of what they did.

use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::Clock as _;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{HolderFault, HoldersError};
use hufu_core::record::{KeyState, Protection, Sharing};
use hufu_core::{Error, Reason};
use hufu_engine::api::{AuditFilter, CreateKey, Idempotency, Input, KeyDetail, PageRequest, SignatureFormat, Signed};
use hufu_frost::{
    GenerationMandate, KeyVersion, Mandate, MessageDigest, PublicKeyDigest, SignedGenerationMandate, SignedMandate,
    Suite, Threshold,
};

use crate::common::holders::HOLDERS;
use crate::common::world::{ALICE, World};
use crate::requests::{create, key, primary, reason, version};

const SIGN: Idempotency = Idempotency { request_id: [9; 16], method: "Sign", body: [1; 32] };
const MESSAGE: &[u8] = b"message";

fn world() -> World {
    World::with_holders()
}

fn names() -> Vec<String> {
    HOLDERS.map(str::to_owned).to_vec()
}

/// By the server's clock.
fn now(world: &World) -> u64 {
    world.server.clock.now_ms()
}

fn calls(world: &World) -> Vec<&'static str> {
    world.site.holders.as_ref().unwrap().calls.lock().clone()
}

/// A good mandate to make version `number` of `hot`. Whether its signature is good is nobody's business here.
fn generation(world: &World, number: u32) -> GenerationMandate {
    GenerationMandate {
        deployment: world.server.log.origin().to_owned(),
        key: KeyVersion { name: key(ALICE, "hot").to_string(), version: number },
        suite: Suite::Ed25519,
        threshold: Threshold::new(2, 3).unwrap(),
        holders: names(),
        expires_at_ms: now(world) + 60_000,
        requester: "wallet".into(),
        seed: [7; 32],
    }
}

fn signed(mandate: GenerationMandate) -> Option<Vec<u8>> {
    Some(SignedGenerationMandate::new(mandate, vec![1; 64]).unwrap().to_bytes())
}

fn hot(mandate: Option<Vec<u8>>) -> CreateKey {
    let sharing = Some(Sharing { threshold: 2, members: names() });
    CreateKey { protection: Protection::Threshold, sharing, mandate, ..create(ALICE, "hot", Algorithm::Ed25519) }
}

fn try_create(world: &mut World, request: CreateKey) -> Result<KeyDetail, Error> {
    world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await)
}

fn with_key() -> World {
    let mut world = world();
    let mandate = signed(generation(&world, 1));
    try_create(&mut world, hot(mandate)).unwrap();
    world
}

/// A good mandate to sign with the first version.
fn to_sign(world: &mut World) -> Mandate {
    let public_key = world.version(&version("hot", 1)).unwrap().version.record.public_key.clone().unwrap();
    Mandate {
        deployment: world.server.log.origin().to_owned(),
        key: KeyVersion { name: key(ALICE, "hot").to_string(), version: 1 },
        message: MessageDigest::of(MESSAGE),
        seed: [3; 32],
        attempts: 5,
        expires_at_ms: now(world) + 60_000,
        requester: "wallet".into(),
        public_key: PublicKeyDigest::of(&public_key),
    }
}

fn sign_under(world: &mut World, mandate: Mandate, once: Option<Idempotency>) -> Result<Signed, Error> {
    let mandate = SignedMandate::new(mandate, vec![1; 64]).unwrap().to_bytes();
    let selector = primary("hot");
    world.call(ALICE, async |server, caller| {
        let caller = hufu_engine::api::Caller { idempotency: once, ..caller };
        let input = Input::Message(MESSAGE.to_vec());
        server.engine.sign_under(&caller, &selector, input, SignatureFormat::Raw, Some(&mandate)).await
    })
}

/// The newest audit record.
fn newest(world: &mut World) -> AuditEntry {
    let filter = AuditFilter {
        tenant: ALICE.tenant(),
        key: None,
        principal: None,
        action: None,
        outcome: None,
        from_ms: None,
        until_ms: None,
    };
    let page = PageRequest { size: 1, token: String::new() };
    let listed = world.call(ALICE, async |server, caller| server.engine.list_audit(&caller, &filter, page).await);
    listed.unwrap().items.remove(0).entry
}

#[test]
fn a_key_of_holders_needs_a_sharing_and_a_mandate_for_just_that() {
    let mut world = world();
    let good = generation(&world, 1);
    let without = |sharing| CreateKey { sharing, ..hot(signed(good.clone())) };
    assert_eq!(reason(try_create(&mut world, without(None))), Reason::MissingField);
    let one = Some(Sharing { threshold: 1, members: names() });
    assert_eq!(reason(try_create(&mut world, without(one))), Reason::InvalidArgument);
    let stranger = Some(Sharing { threshold: 2, members: vec!["north".into(), "nobody".into()] });
    assert!(try_create(&mut world, without(stranger)).unwrap_err().message().contains("`nobody`"));
    let fewer = Some(Sharing { threshold: 2, members: vec!["north".into(), "west".into()] });
    assert_eq!(reason(try_create(&mut world, without(fewer))), Reason::MandateRefused);
    assert_eq!(reason(try_create(&mut world, hot(None))), Reason::MandateMissing);
    assert_eq!(reason(try_create(&mut world, hot(Some(vec![1, 2, 3])))), Reason::InvalidArgument);
    let mut wrong = vec![good.clone(); 6];
    wrong[0].deployment = "another".into();
    wrong[1].key.version = 2;
    wrong[2].suite = Suite::Bip340;
    wrong[3].holders.swap(0, 1);
    wrong[4].threshold = Threshold::new(3, 3).unwrap();
    wrong[5].expires_at_ms = now(&world);
    for mandate in wrong {
        assert_eq!(
            reason(try_create(&mut world, hot(signed(mandate.clone())))),
            Reason::MandateRefused,
            "{mandate:?}"
        );
    }
    // Keys of one need none.
    let alone = CreateKey { mandate: signed(good.clone()), ..create(ALICE, "alone", Algorithm::Ed25519) };
    assert_eq!(reason(try_create(&mut world, alone)), Reason::InvalidArgument);
    assert_eq!(calls(&world), Vec::<&str>::new(), "nobody was troubled");
    try_create(&mut world, hot(signed(good))).unwrap();
    assert_eq!(calls(&world), ["generate"]);
    assert!(newest(&mut world).detail.unwrap().ends_with("requester wallet"));
}

#[test]
fn what_holders_refuse_is_told_and_recorded() {
    let mut world = world();
    let fault = HolderFault { holder: "south".into(), misbehaved: false, what: "refused: policy".into() };
    let failure = HoldersError { refused: true, what: "not all holders began".into(), faults: vec![fault] };
    *world.site.holders.as_ref().unwrap().failure.lock() = Some(failure);
    let request = hot(signed(generation(&world, 1)));
    let error = try_create(&mut world, request).unwrap_err();
    assert_eq!(error.reason(), Reason::MandateRefused);
    assert!(error.message().contains("south: refused: policy"), "{error}");
    assert!(newest(&mut world).detail.unwrap().contains("south: refused: policy"));
    // Nothing is in the way of another try.
    let request = hot(signed(generation(&world, 1)));
    try_create(&mut world, request).unwrap();
}

#[test]
fn a_signature_needs_a_mandate_for_just_that() {
    let mut world = with_key();
    assert_eq!(reason(world.sign(&primary("hot"))), Reason::MandateMissing);
    let selector = primary("hot");
    let batch = world.call(ALICE, async |server, caller| {
        let inputs = vec![Input::Message(MESSAGE.to_vec()); 2];
        server.engine.sign_batch(&caller, &selector, inputs, SignatureFormat::Raw).await
    });
    assert_eq!(reason(batch), Reason::UnsupportedByBackend);
    let good = to_sign(&mut world);
    let mut wrong = vec![good.clone(); 5];
    wrong[0].deployment = "another".into();
    wrong[1].key.version = 2;
    wrong[2].public_key = PublicKeyDigest([1; 32]);
    wrong[3].message = MessageDigest::of(b"another");
    wrong[4].expires_at_ms = now(&world);
    for mandate in wrong {
        assert_eq!(reason(sign_under(&mut world, mandate.clone(), None)), Reason::MandateRefused, "{mandate:?}");
    }
    assert_eq!(calls(&world), ["generate"], "nobody was troubled");
    let fault =
        HolderFault { holder: "west".into(), misbehaved: true, what: "misbehaved: wrong signature share".into() };
    *world.site.holders.as_ref().unwrap().faults.lock() = vec![fault];
    sign_under(&mut world, good, None).unwrap();
    let detail = newest(&mut world).detail.unwrap();
    assert_eq!(detail, "requester wallet; failed: west: misbehaved: wrong signature share");
    assert!(world.server.alarms.is_raised("holder-misbehaved", "holder west"));
}

#[test]
fn under_a_request_id_holders_sign_once() {
    let mut world = with_key();
    let mandate = to_sign(&mut world);
    let failure = HoldersError { refused: false, what: "too few".into(), faults: Vec::new() };
    *world.site.holders.as_ref().unwrap().failure.lock() = Some(failure);
    assert_eq!(reason(sign_under(&mut world, mandate.clone(), Some(SIGN))), Reason::TooFewHolders);
    let first = sign_under(&mut world, mandate.clone(), Some(SIGN)).unwrap().signature;
    assert_eq!(sign_under(&mut world, mandate.clone(), Some(SIGN)).unwrap().signature, first);
    assert_ne!(sign_under(&mut world, mandate, None).unwrap().signature, first);
    assert_eq!(calls(&world), ["generate", "sign", "sign", "sign"]);
}

#[test]
fn rotation_is_under_a_mandate_for_the_next_version() {
    let mut world = with_key();
    let name = key(ALICE, "hot");
    let rotate = |world: &mut World, mandate: Option<Vec<u8>>| {
        world.call(ALICE, async |server, caller| {
            server.engine.rotate_key_under(&caller, &name, None, mandate).await.map(|_| ())
        })
    };
    assert_eq!(reason(rotate(&mut world, None)), Reason::MandateMissing);
    let same = signed(generation(&world, 1));
    assert_eq!(reason(rotate(&mut world, same)), Reason::MandateRefused);
    let next = signed(generation(&world, 2));
    rotate(&mut world, next).unwrap();
    assert_eq!(world.state(&version("hot", 1)), KeyState::Deactivated);
    assert_eq!(world.state(&version("hot", 2)), KeyState::Active);
    // The old mandate is not for the version that signs now.
    let old = to_sign(&mut world);
    assert_eq!(reason(sign_under(&mut world, old, None)), Reason::MandateRefused);
}

#[test]
fn destroyed_is_what_all_holders_have_deleted() {
    let mut world = with_key();
    let schedule = hufu_engine::api::Change::ScheduleDestroy { after_ms: 2_000 };
    world.change(version("hot", 1), crate::requests::REVOKE).unwrap();
    world.change(version("hot", 1), schedule).unwrap();
    world.site.time.advance(3_000);
    let fault = HolderFault { holder: "north".into(), misbehaved: false, what: "no answer".into() };
    let failure = HoldersError { refused: false, what: "not every holder".into(), faults: vec![fault] };
    *world.site.holders.as_ref().unwrap().failure.lock() = Some(failure);
    world.reconcile();
    assert_eq!(world.state(&version("hot", 1)), KeyState::Destroying);
    assert!(world.server.alarms.is_raised("holder-keeps-share", &version("hot", 1).to_string()));
    world.reconcile();
    assert_eq!(world.state(&version("hot", 1)), KeyState::Destroyed);
    assert_eq!(calls(&world), ["generate", "destroy", "destroy"]);
}

/// A version whose destruction is due, while these holders do not confirm it at the next step.
fn fail_to_destroy(world: &mut World, holders: &[&str]) {
    let fault =
        |holder: &&str| HolderFault { holder: (*holder).to_owned(), misbehaved: false, what: "no answer".into() };
    let faults = holders.iter().map(fault).collect();
    let failure = HoldersError { refused: false, what: "not every holder".into(), faults };
    *world.site.holders.as_ref().unwrap().failure.lock() = Some(failure);
    world.reconcile();
}

#[test]
fn holder_that_is_gone_for_good_does_not_keep_a_key_that_too_few_could_sign_with() {
    let mut world = with_key();
    let schedule = hufu_engine::api::Change::ScheduleDestroy { after_ms: 2_000 };
    world.change(version("hot", 1), crate::requests::REVOKE).unwrap();
    world.change(version("hot", 1), schedule).unwrap();
    world.site.time.advance(3_000);
    // One holder alone signs nothing, but it is waited for.
    fail_to_destroy(&mut world, &["west"]);
    assert_eq!(world.state(&version("hot", 1)), KeyState::Destroying);
    world.site.time.advance(7 * 86_400_000);
    // The clock has jumped, for all that the server knows.
    world.restart();
    // Two of three sign: they are waited for as long as it takes.
    fail_to_destroy(&mut world, &["south", "west"]);
    assert_eq!(world.state(&version("hot", 1)), KeyState::Destroying);
    fail_to_destroy(&mut world, &["west"]);
    assert_eq!(world.state(&version("hot", 1)), KeyState::Destroyed);
    let record = world.version(&version("hot", 1)).unwrap().version.record;
    assert_eq!(record.unconfirmed, Some(vec!["west".to_owned()]));
    assert!(newest(&mut world).detail.unwrap().contains("not confirmed by west"));
}
