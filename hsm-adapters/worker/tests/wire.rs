//! Everything travels as it is; nothing that comes over the socket can do harm.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{
    Aead, Arrival, BackendError, Capabilities, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome,
    PublicKey, Rewrap, SignInput, Template, Wrapping,
};
use hufu_core::record::{Attestation, Exit, Locator, Protection, VersionUid, WrappingKeyId};
use hufu_pkcs11::{Config, LoginStep, OpenError, TokenSelector, VendorProfile};
use hufu_secret::{MemoryLock, SecretBytes, harden_process};
use hufu_worker::wire::{Buffer, FrameReader, FromWorker, Opened, Pulse, ToWorker, VERSION, check_len};
use proptest::prelude::*;

const PREFIX_LEN: usize = 4;

/// Answers what it was asked, in words.
struct Echo;

impl KeyBackend for Echo {
    fn name(&self) -> &str {
        "echo"
    }
    fn protection(&self) -> Protection {
        Protection::Hsm
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
    fn perform<'a>(&'a self, asked: Operation<'a>, _: Instant) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move { Err(BackendError::Failed(words(&asked))) })
    }
    fn health(&self) -> Health {
        Health::Serving
    }
}

/// `Aead` shows nothing of itself.
fn words(operation: &Operation<'_>) -> String {
    match operation {
        Operation::Seal(_, aead) | Operation::Open(_, aead) => {
            format!("{operation:?} {:?} {:?} {:?}", aead.nonce, aead.aad, aead.data)
        }
        _ => format!("{operation:?}"),
    }
}

fn handles() -> Vec<KeyHandle> {
    let token = Locator::Token { serial: "0123".to_owned(), uid: VersionUid([1; 16]), fingerprint: Some([2; 32]) };
    let group = Locator::Group { group: "g".to_owned(), uid: VersionUid([1; 16]), fingerprint: Some([2; 32]) };
    let wrapped = Locator::Wrapped { blob: Arc::from([3; 60]), wrapping_key: WrappingKeyId([4; 16]) };
    let handle = |locator, public_key: Option<&[u8]>, id: Option<&str>| KeyHandle {
        uid: VersionUid([5; 16]),
        algorithm: Algorithm::Sm2,
        scheme: Scheme::Sm2Sm3,
        locator,
        binding: Arc::from([6; 100]),
        public_key: public_key.map(Arc::from),
        distinguishing_id: id.map(Arc::from),
    };
    vec![
        handle(token, Some(&[7; 91]), Some("1234567812345678")),
        handle(wrapped, None, None),
        handle(group, Some(&[7; 91]), None),
        handle(Locator::Gone, Some(&[]), Some("")),
    ]
}

fn for_each_operation(mut look: impl FnMut(Operation<'_>)) {
    let template = |wrapping_key| Template {
        uid: VersionUid([9; 16]),
        algorithm: Algorithm::Rsa3072,
        purpose: Purpose::Sign,
        scheme: Scheme::RsaPssSha256,
        binding: Arc::from([8; 33]),
        wrapping_key,
        exit: Exit::Replicable,
    };
    look(Operation::Generate(&template(None)));
    look(Operation::Generate(&template(Some(WrappingKeyId([3; 16])))));
    look(Operation::Find(VersionUid([1; 16])));
    look(Operation::Inventory(1_000));
    look(Operation::Destroy(VersionUid([2; 16])));
    look(Operation::Random(64));
    for key in &handles() {
        let aead = Aead { nonce: &[7; 12], aad: b"associated", data: b"data" };
        look(Operation::Sign(key, SignInput::Message(b"message")));
        look(Operation::Sign(key, SignInput::Digest(&[4; 32])));
        look(Operation::Mac(key, b""));
        look(Operation::Seal(key, aead));
        look(Operation::Open(key, aead));
        look(Operation::DecryptWith(key, &[1; 384]));
        look(Operation::Decapsulate(key, &[1; 1088]));
        look(Operation::Agree(key, &[5; 91]));
        look(Operation::Level(key));
        look(Operation::Rewrap(key, Rewrap { wrapping_key: WrappingKeyId([4; 16]), binding: &[7; 99] }));
        look(Operation::Wrap(key, Wrapping::Key(key)));
        look(Operation::Wrap(key, Wrapping::Group));
        for (by, public_key) in [(Wrapping::Key(key), Some(&[5; 91][..])), (Wrapping::Group, None)] {
            look(Operation::Unwrap(&template(None), Arrival { by, wrapped: &[6; 48], public_key }));
        }
    }
    for distinguishing_id in [None, Some("id")] {
        let key =
            PublicKey { algorithm: Algorithm::P384, scheme: Scheme::EcdsaSha384, spki: &[5; 120], distinguishing_id };
        look(Operation::Verify(&key, SignInput::Message(b"message"), b"signature"));
        look(Operation::Verify(&key, SignInput::Digest(&[1; 48]), b""));
        look(Operation::EncryptTo(&key, b"plaintext"));
        look(Operation::Encapsulate(&key));
        look(Operation::Wrap(&handles().remove(0), Wrapping::Public(&key)));
    }
}

fn frame(buffer: &Buffer) -> Vec<u8> {
    let mut reader = FrameReader::default();
    reader.space()[..buffer.len()].copy_from_slice(buffer.bytes());
    reader.filled(buffer.len());
    let frame = reader.next_frame().unwrap().unwrap().to_vec();
    assert_eq!(frame.len() + PREFIX_LEN, buffer.len(), "one frame and nothing else");
    frame
}

#[tokio::test]
async fn every_operation_arrives_as_it_was_sent() {
    let mut sent = Vec::new();
    for_each_operation(|operation| {
        let mut buffer = Buffer::default();
        let len = check_len(&operation).unwrap();
        ToWorker::write_request(&mut buffer, len, 77, Duration::from_millis(5), &operation);
        sent.push((words(&operation), frame(&buffer)));
    });
    assert_eq!(sent.len(), 6 + 4 * 14 + 2 * 5);
    for (asked, frame) in sent {
        let ToWorker::Request(request) = ToWorker::decode(&frame).unwrap() else { unreachable!("a request") };
        assert_eq!((request.id, request.remaining), (77, Duration::from_millis(5)));
        let heard = request.call.perform(&Echo, Instant::now()).await;
        assert_eq!(heard.err(), Some(BackendError::Failed(asked)));
    }
}

fn results() -> Vec<Result<Outcome, BackendError>> {
    let why = || "why".to_owned();
    let errors = [
        BackendError::Unsupported(why()),
        BackendError::Unavailable(why()),
        BackendError::DeadlineExceeded,
        BackendError::Overloaded,
        BackendError::Missing(why()),
        BackendError::Rejected,
        BackendError::InvalidInput(why()),
        BackendError::Credentials(why()),
        BackendError::Failed("x".repeat(10_000)),
    ];
    let locator = Locator::Token { serial: "0123".to_owned(), uid: VersionUid([1; 16]), fingerprint: None };
    let attestation =
        Attestation::DriverAsserted { serial: "0123".to_owned(), simulated: true, model: "model".to_owned() };
    let made = Generated { locator: locator.clone(), public_key: Some(vec![1; 91]), attestation };
    let secret = Generated { locator, public_key: None, attestation: Attestation::Software };
    let mut results: Vec<_> = errors.into_iter().map(Err).collect();
    results.extend([made, secret].map(|generated| Ok(Outcome::Generated(Box::new(generated)))));
    results.extend([
        Ok(Outcome::Found(true)),
        Ok(Outcome::Inventory(vec![VersionUid([1; 16]), VersionUid([2; 16])])),
        Ok(Outcome::Inventory(Vec::new())),
        Ok(Outcome::Done),
        Ok(Outcome::Bytes(vec![1; 20_000])),
        Ok(Outcome::Verified(false)),
        Ok(Outcome::Rewrapped(Locator::Wrapped { blob: Arc::from([8; 300]), wrapping_key: WrappingKeyId([5; 16]) })),
    ]);
    results
}

#[test]
fn every_answer_arrives_as_it_was_sent() {
    for (id, result) in (0..).zip(results()) {
        for down in [None, Some("the device is gone".to_owned())] {
            let (mut buffer, pulse) = (Buffer::default(), Pulse { generation: 3, down, refusing: true });
            FromWorker::write_answer(&mut buffer, id, &pulse, &result);
            let FromWorker::Answer(heard) = FromWorker::decode(&frame(&buffer)).unwrap() else {
                unreachable!("an answer")
            };
            assert_eq!((heard.id, heard.pulse), (id, pulse));
            assert_eq!(format!("{:?}", heard.result), format!("{result:?}"));
        }
    }
}

#[test]
fn a_plaintext_arrives_and_is_shown_by_nothing() {
    let mut buffer = Buffer::default();
    let result = Ok(Outcome::Plaintext(SecretBytes::from_slice(b"very secret")));
    FromWorker::write_answer(&mut buffer, 1, &Pulse::default(), &result);
    let heard = FromWorker::decode(&frame(&buffer)).unwrap();
    assert!(!format!("{heard:?}").contains("secret\""), "{heard:?}");
    let FromWorker::Answer(heard) = heard else { unreachable!("an answer") };
    assert!(matches!(heard.result, Ok(Outcome::Plaintext(secret)) if secret.expose() == b"very secret"));
}

#[test]
fn openings_arrive_as_they_were_sent() {
    let mut buffer = Buffer::default();
    let token = TokenSelector::Label("label".to_owned());
    let profile = VendorProfile::named("nss").unwrap();
    let config = Config {
        profile: Some(profile.clone()),
        group: Some("front".to_owned()),
        init_string: Some("configdir='sql:here'".to_owned()),
        ..Config::new("/usr/lib/driver.so", token, SecretBytes::from_slice(b"1234"))
    };
    ToWorker::write_configuration(&mut buffer, &config);
    let ToWorker::Configure(heard) = ToWorker::decode(&frame(&buffer)).unwrap() else { unreachable!("first words") };
    assert_eq!(heard.pin.expose(), b"1234");
    assert_eq!(format!("{heard:?}"), format!("{config:?}"));
    assert_eq!(heard.profile, Some(profile));
    assert!(!format!("{heard:?}").contains("1234"));
    let row = (Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    let refusal = (Algorithm::Sm2, Purpose::Sign, Scheme::Sm2Sm3, "no".to_owned());
    let kept = (Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256, Exit::Exportable, "no".to_owned());
    let capabilities = Capabilities {
        schemes: vec![row],
        refusals: vec![refusal],
        simulated: true,
        exits: vec![Exit::Replicable],
        stays_out: vec![(Algorithm::Ed25519, Purpose::Sign, Scheme::Ed25519, "why not in".to_owned())],
        kept: vec![kept],
    };
    let [name, serial, model, label, profile] = ["token:1", "1", "maker model", "label", "nss"].map(str::to_owned);
    let opened = Opened { name, serial, model, label, capabilities, profile };
    let mut buffer = Buffer::default();
    FromWorker::write_opened(&mut buffer, &opened);
    assert!(matches!(FromWorker::decode(&frame(&buffer)), Ok(FromWorker::Opened(heard)) if *heard == opened));
}

#[test]
fn refusals_keep_their_type() {
    let errors = [
        OpenError::Module { path: "p".to_owned(), why: "w".to_owned() },
        OpenError::NotFound("serial 1".to_owned()),
        OpenError::Ambiguous("label x".to_owned()),
        OpenError::PinEncoding,
        OpenError::Group { group: "g".to_owned(), why: "w".to_owned() },
        OpenError::Backend(BackendError::Credentials("C_Login: PinIncorrect".to_owned())),
    ];
    for error in errors {
        let mut buffer = Buffer::default();
        FromWorker::write_refused(&mut buffer, &error);
        let FromWorker::Refused(heard) = FromWorker::decode(&frame(&buffer)).unwrap() else {
            unreachable!("a refusal")
        };
        assert_eq!(format!("{heard:?}"), format!("{error:?}"));
    }
}

#[test]
fn the_greeting_names_the_version() {
    let mut buffer = Buffer::default();
    FromWorker::write_hello(&mut buffer, &harden_process(MemoryLock::SecretsOnly));
    let FromWorker::Hello(hello) = FromWorker::decode(&frame(&buffer)).unwrap() else { unreachable!("a greeting") };
    assert_eq!(hello.version, VERSION);
    let mut buffer = Buffer::default();
    FromWorker::write_login(&mut buffer, LoginStep::Presenting);
    assert!(matches!(FromWorker::decode(&frame(&buffer)), Ok(FromWorker::Login(LoginStep::Presenting))));
}

#[test]
fn inputs_too_long_are_refused_before_they_are_sent() {
    let (key, huge) = (&handles()[0], vec![0; (8 << 20) + 1]);
    for operation in [
        Operation::Sign(key, SignInput::Message(&huge)),
        Operation::Seal(key, Aead { nonce: &[0; 12], aad: &huge, data: b"" }),
        Operation::Mac(key, &huge),
    ] {
        assert!(matches!(check_len(&operation), Err(BackendError::InvalidInput(_))));
    }
}

/// Genuine frames of both directions.
fn genuine() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for_each_operation(|operation| {
        let mut buffer = Buffer::default();
        ToWorker::write_request(&mut buffer, check_len(&operation).unwrap(), 1, Duration::ZERO, &operation);
        frames.push(frame(&buffer));
    });
    for result in results() {
        let mut buffer = Buffer::default();
        FromWorker::write_answer(&mut buffer, 1, &Pulse::default(), &result);
        frames.push(frame(&buffer));
    }
    frames
}

#[test]
fn a_frame_cut_short_or_lengthened_is_malformed() {
    for frame in genuine() {
        for cut in 0..frame.len() {
            assert!(ToWorker::decode(&frame[..cut]).is_err() && FromWorker::decode(&frame[..cut]).is_err());
        }
        let longer = [frame.as_slice(), &[0]].concat();
        assert!(ToWorker::decode(&longer).is_err() && FromWorker::decode(&longer).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_frames_are_read_without_harm(index in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8) {
        static GENUINE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(genuine);
        let mut frame = index.get(&GENUINE).clone();
        let at = at.index(frame.len());
        frame[at] = byte;
        let _ = (ToWorker::decode(&frame), FromWorker::decode(&frame));
    }

    #[test]
    fn bytes_of_any_kind_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (ToWorker::decode(&bytes), FromWorker::decode(&bytes));
        let mut reader = FrameReader::default();
        reader.space()[..bytes.len()].copy_from_slice(&bytes);
        reader.filled(bytes.len());
        while let Ok(Some(_)) = reader.next_frame() {}
    }
}
