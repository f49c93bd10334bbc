use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::record::Locator;
use hufu_secret::SecretBytes;
use parking_lot::Mutex;

use super::*;

/// A backend that signs as the script says; without one, well. A good signature names its key.
#[derive(Default)]
struct Device {
    script: Mutex<VecDeque<Act>>,
    generation: AtomicU64,
    distrusted: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Act {
    Well,
    /// By another key.
    Wrong,
    /// The device is lost and found again before it signs so.
    Lost(bool),
}

impl KeyBackend for Device {
    fn name(&self) -> &str {
        "device"
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn perform<'a>(&'a self, operation: Operation<'a>, _: Instant) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move {
            let (Operation::Sign(key, _) | Operation::DecryptWith(key, _) | Operation::Agree(key, _)) = operation
            else {
                return Ok(Outcome::Done);
            };
            let good = match self.script.lock().pop_front().unwrap_or(Act::Well) {
                Act::Well => true,
                Act::Wrong => false,
                Act::Lost(good) => {
                    self.generation.fetch_add(1, Ordering::SeqCst);
                    good
                }
            };
            match operation {
                Operation::DecryptWith(_, data) if good && data == CHALLENGE => {
                    Ok(Outcome::Plaintext(SecretBytes::from_slice(CHALLENGE)))
                }
                // What stands for a secret: whose key met whom.
                Operation::Agree(_, peer) => {
                    let whose = if good { key.uid.0 } else { [0xff; 16] };
                    Ok(Outcome::Plaintext(SecretBytes::from_vec([&whose, peer].concat())))
                }
                Operation::DecryptWith(..) => Err(BackendError::Rejected),
                _ => Ok(Outcome::Bytes(if good { key.uid.0.to_vec() } else { vec![0xff; 16] })),
            }
        })
    }

    fn health(&self) -> Health {
        Health::Serving
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn distrust(&self) {
        self.distrusted.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts what it verifies.
#[derive(Default)]
struct Verifier(AtomicUsize);

impl KeyBackend for Verifier {
    fn name(&self) -> &str {
        "verifier"
    }

    fn protection(&self) -> Protection {
        Protection::Software
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn perform<'a>(&'a self, operation: Operation<'a>, _: Instant) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move {
            match operation {
                Operation::Verify(key, _, signature) => {
                    self.0.fetch_add(1, Ordering::SeqCst);
                    Ok(Outcome::Verified(key.spki == signature))
                }
                Operation::Encapsulate(key) => {
                    self.0.fetch_add(1, Ordering::SeqCst);
                    let secret = SecretBytes::from_vec([key.spki, b"peer"].concat());
                    Ok(Outcome::Encapsulated { ciphertext: b"peer".to_vec(), secret })
                }
                Operation::EncryptTo(_, data) => Ok(Outcome::Bytes(data.to_vec())),
                _ => Err(BackendError::Unsupported("it only verifies".to_owned())),
            }
        })
    }

    fn health(&self) -> Health {
        Health::Serving
    }
}

struct World {
    device: Arc<Device>,
    verifier: Arc<Verifier>,
    alarms: Arc<AtomicUsize>,
    proven: Proven,
}

impl World {
    fn new(verify: Verify) -> Self {
        let (device, verifier) = (Arc::new(Device::default()), Arc::new(Verifier::default()));
        let alarms = Arc::new(AtomicUsize::new(0));
        let raised = alarms.clone();
        let proven = Proven::new(device.clone(), verifier.clone(), verify, move |_| {
            raised.fetch_add(1, Ordering::SeqCst);
        });
        Self { device, verifier, alarms, proven }
    }

    fn script(&self, acts: &[Act]) {
        self.device.script.lock().extend(acts.iter().copied());
    }

    async fn agree(&self, key: &KeyHandle) -> Result<SecretBytes, BackendError> {
        let deadline = Instant::now() + Duration::from_secs(60);
        match self.proven.perform(Operation::Agree(key, b"theirs"), deadline).await? {
            Outcome::Plaintext(secret) => Ok(secret),
            answer => panic!("{answer:?}"),
        }
    }

    async fn sign(&self, key: &KeyHandle) -> Result<Outcome, BackendError> {
        let deadline = Instant::now() + Duration::from_secs(60);
        self.proven.perform(Operation::Sign(key, SignInput::Message(b"message")), deadline).await
    }

    async fn decrypt(&self, key: &KeyHandle) -> Result<Outcome, BackendError> {
        let deadline = Instant::now() + Duration::from_secs(60);
        self.proven.perform(Operation::DecryptWith(key, b"not genuine"), deadline).await
    }

    async fn must_sign(&self, key: &KeyHandle) {
        let answer = self.sign(key).await;
        assert!(matches!(&answer, Ok(Outcome::Bytes(made)) if *made == key.uid.0), "{answer:?}");
    }

    fn verified(&self) -> usize {
        self.verifier.0.swap(0, Ordering::SeqCst)
    }
}

fn key(number: u8, algorithm: Algorithm, scheme: Scheme) -> KeyHandle {
    KeyHandle {
        uid: VersionUid([number; 16]),
        algorithm,
        scheme,
        locator: Locator::Gone,
        binding: Arc::from([]),
        public_key: Some(Arc::from([number; 16])),
        distinguishing_id: None,
    }
}

fn p256(number: u8) -> KeyHandle {
    key(number, Algorithm::P256, Scheme::EcdsaSha256)
}

#[tokio::test]
async fn the_first_signature_of_each_key_in_each_generation_is_proven() {
    let world = World::new(Verify::Reopened);
    for _ in 0..3 {
        for _ in 0..5 {
            world.must_sign(&p256(1)).await;
            world.must_sign(&p256(2)).await;
        }
        assert_eq!(world.verified(), 2);
        world.device.generation.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_loss_during_the_signature_is_noticed() {
    let world = World::new(Verify::Reopened);
    world.must_sign(&p256(1)).await;
    world.verified();
    world.script(&[Act::Lost(true)]);
    world.must_sign(&p256(1)).await;
    assert_eq!(world.verified(), 1, "the signature is of a generation in which the key was not proven");
    // It may have been made before the loss, so it proves nothing for the generation after.
    world.must_sign(&p256(1)).await;
    assert_eq!(world.verified(), 1);
    world.must_sign(&p256(1)).await;
    assert_eq!(world.verified(), 0);
    world.script(&[Act::Lost(false)]);
    assert!(matches!(world.sign(&p256(1)).await, Err(BackendError::Failed(_))));
}

#[tokio::test]
async fn a_wrong_signature_is_withheld_and_shakes_the_trust_in_every_key() {
    let world = World::new(Verify::Reopened);
    world.must_sign(&p256(1)).await;
    world.must_sign(&p256(2)).await;
    world.device.generation.fetch_add(1, Ordering::SeqCst);
    world.must_sign(&p256(2)).await;
    world.script(&[Act::Wrong, Act::Wrong, Act::Wrong]);
    assert!(matches!(world.sign(&p256(1)).await, Err(BackendError::Failed(why)) if why.starts_with("withheld")));
    assert!(matches!(world.sign(&p256(2)).await, Err(BackendError::Failed(_))), "proven before, but not since");
    assert!(matches!(world.sign(&p256(1)).await, Err(BackendError::Failed(_))), "refused until it is proven");
    assert_eq!(world.alarms.load(Ordering::SeqCst), 3);
    assert_eq!(world.device.distrusted.load(Ordering::SeqCst), 3);
    world.must_sign(&p256(1)).await;
    world.script(&[Act::Wrong]);
    assert!(world.sign(&p256(1)).await.is_err(), "after a mismatch a proof is not enough for long");
}

#[tokio::test]
async fn rsa_signatures_are_always_checked() {
    let world = World::new(Verify::Reopened);
    for scheme in [Scheme::RsaPssSha256, Scheme::RsaPkcs1Sha256] {
        let key = key(3, Algorithm::Rsa3072, scheme);
        for _ in 0..4 {
            world.must_sign(&key).await;
        }
        assert_eq!(world.verified(), 4);
        world.script(&[Act::Wrong]);
        assert!(world.sign(&key).await.is_err());
        world.verified();
    }
}

#[tokio::test]
async fn settings_say_how_often() {
    let always = World::new(Verify::Always);
    let sampled = World::new(Verify::Sampled(NonZeroU32::new(10).unwrap()));
    for _ in 0..100 {
        always.must_sign(&p256(1)).await;
        sampled.must_sign(&p256(1)).await;
    }
    assert_eq!((always.verified(), sampled.verified()), (100, 10));
    sampled.device.generation.fetch_add(1, Ordering::SeqCst);
    // The next sample is ten signatures away or nearer; the first after a loss is checked in any case.
    sampled.must_sign(&p256(1)).await;
    sampled.device.generation.fetch_add(1, Ordering::SeqCst);
    sampled.must_sign(&p256(1)).await;
    assert_eq!(sampled.verified(), 2);
}

#[tokio::test]
async fn a_key_without_a_public_half_is_not_believed() {
    let world = World::new(Verify::Reopened);
    let key = KeyHandle { public_key: None, ..p256(1) };
    assert!(matches!(world.sign(&key).await, Err(BackendError::Failed(_))));
}

#[tokio::test]
async fn a_ciphertext_is_called_false_only_by_a_proven_key() {
    let world = World::new(Verify::Reopened);
    let key = key(4, Algorithm::Rsa3072, Scheme::RsaOaepSha256);
    assert!(matches!(world.decrypt(&key).await, Err(BackendError::Rejected)));
    world.device.generation.fetch_add(1, Ordering::SeqCst);
    world.script(&[Act::Wrong, Act::Wrong]);
    assert!(matches!(world.decrypt(&key).await, Err(BackendError::Failed(_))), "another key rejects everything");
    assert_eq!(world.alarms.load(Ordering::SeqCst), 1);
    assert!(matches!(world.decrypt(&key).await, Err(BackendError::Rejected)));
}

#[tokio::test]
async fn an_agreement_is_proven_before_it_is_used() {
    let world = World::new(Verify::Reopened);
    let key = key(1, Algorithm::P256, Scheme::Ecdh);
    let right = SecretBytes::from_vec([&key.uid.0[..], b"theirs"].concat());
    for _ in 0..5 {
        assert_eq!(world.agree(&key).await, Ok(SecretBytes::from_slice(right.expose())));
    }
    assert_eq!(world.verifier.0.load(Ordering::SeqCst), 1, "once");
    // Lost between proof and use: neither is taken for good.
    world.device.generation.fetch_add(1, Ordering::SeqCst);
    world.script(&[Act::Well, Act::Lost(false), Act::Well, Act::Well]);
    assert_eq!(world.agree(&key).await, Ok(right));
    assert_eq!(world.alarms.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_secret_of_another_key_is_withheld() {
    let world = World::new(Verify::Reopened);
    world.script(&[Act::Wrong]);
    let answer = world.agree(&key(1, Algorithm::P256, Scheme::Ecdh)).await;
    assert!(matches!(answer, Err(BackendError::Failed(_))), "{answer:?}");
    assert_eq!(world.alarms.load(Ordering::SeqCst), 1);
    assert_eq!(world.device.distrusted.load(Ordering::SeqCst), 1);
    // A device that is lost at every use gives nothing.
    world.script(&[Act::Well, Act::Lost(true)].repeat(3));
    let answer = world.agree(&key(1, Algorithm::P256, Scheme::Ecdh)).await;
    assert!(matches!(answer, Err(BackendError::Unavailable(_))), "{answer:?}");
}
