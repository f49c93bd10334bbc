//! Nothing works while it is sealed, the same works when the same key is back, and nothing under another.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{
    Aead, BackendError, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome, Template,
};
use hufu_core::record::{Exit, VersionUid, WrappingKeyId};
use hufu_sealed::{MasterKey, SealedBackend};
use hufu_secret::SecretBytes;

struct OsRng;

impl Rng for OsRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn backend(master: &Arc<MasterKey>) -> SealedBackend {
    SealedBackend::new(master.clone(), Arc::new(OsRng)).unwrap()
}

fn template(uid: u8, wrapping_key: Option<WrappingKeyId>) -> Template {
    Template {
        uid: VersionUid([uid; 16]),
        algorithm: Algorithm::Aes256Gcm,
        purpose: Purpose::Encrypt,
        scheme: Scheme::AesGcm,
        binding: Arc::new([]),
        wrapping_key,
        exit: Exit::Never,
    }
}

async fn generated(backend: &SealedBackend, template: &Template) -> Result<Generated, BackendError> {
    match backend.perform(Operation::Generate(template), soon()).await? {
        Outcome::Generated(generated) => Ok(*generated),
        other => panic!("{other:?}"),
    }
}

fn handle(uid: u8, generated: &Generated) -> KeyHandle {
    KeyHandle {
        uid: VersionUid([uid; 16]),
        algorithm: Algorithm::Aes256Gcm,
        scheme: Scheme::AesGcm,
        locator: generated.locator.clone(),
        binding: Arc::new([]),
        public_key: None,
        distinguishing_id: None,
    }
}

async fn sealed_by(backend: &SealedBackend, key: &KeyHandle) -> Result<Outcome, BackendError> {
    let input = Aead { nonce: &[1; 12], aad: b"aad", data: b"wrapping key" };
    backend.perform(Operation::Seal(key, input), soon()).await
}

#[tokio::test]
async fn the_same_shares_bring_the_same_keys_back() {
    let master = Arc::new(MasterKey::generate(&OsRng).unwrap());
    let open = backend(&master);
    let root = handle(1, &generated(&open, &template(1, None)).await.unwrap());
    let Ok(Outcome::Bytes(wrapped)) = sealed_by(&open, &root).await else { panic!("not sealed") };

    let later = Arc::new(MasterKey::sealed());
    let restarted = backend(&later);
    assert!(matches!(restarted.health(), Health::Down(why) if why.contains("sealed")));
    assert!(matches!(sealed_by(&restarted, &root).await, Err(BackendError::Unavailable(_))));
    later.unseal(SecretBytes::from_slice(master.read().unwrap().expose())).unwrap();
    assert_eq!(restarted.health(), Health::Serving);
    let input = Aead { nonce: &[1; 12], aad: b"aad", data: &wrapped };
    match restarted.perform(Operation::Open(&root, input), soon()).await.unwrap() {
        Outcome::Plaintext(opened) => assert_eq!(opened.expose(), b"wrapping key"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_blobs_are_bound_to_their_key() {
    let open = backend(&Arc::new(MasterKey::generate(&OsRng).unwrap()));
    let made = generated(&open, &template(1, None)).await.unwrap();
    let other = backend(&Arc::new(MasterKey::generate(&OsRng).unwrap()));
    assert!(sealed_by(&other, &handle(1, &made)).await.is_err());
    assert!(sealed_by(&open, &handle(2, &made)).await.is_err(), "the blob of key 1 passed for key 2");
}

#[tokio::test]
async fn a_key_moves_under_another_master_key_and_stays_the_same_key() {
    let (old, new) = (Arc::new(MasterKey::generate(&OsRng).unwrap()), Arc::new(MasterKey::generate(&OsRng).unwrap()));
    let open = backend(&old);
    let root = handle(1, &generated(&open, &template(1, None)).await.unwrap());
    let moved = KeyHandle { locator: open.rewrapped(&root, &new, soon()).await.unwrap(), ..root.clone() };
    let (before, after) = (sealed_by(&open, &root).await.unwrap(), sealed_by(&backend(&new), &moved).await.unwrap());
    assert!(matches!((before, after), (Outcome::Bytes(before), Outcome::Bytes(after)) if before == after));
    assert!(sealed_by(&backend(&old), &moved).await.is_err(), "the old master key opened it");
    assert!(sealed_by(&backend(&new), &root).await.is_err(), "the new master key opened the old wrapping");
    assert!(open.rewrapped(&root, &MasterKey::sealed(), soon()).await.is_err());
    assert!(open.rewrapped(&moved, &new, soon()).await.is_err(), "it is not under the old one");
}

#[tokio::test]
async fn it_is_no_hsm_for_tenants() {
    let open = backend(&Arc::new(MasterKey::generate(&OsRng).unwrap()));
    let tenants = template(1, Some(WrappingKeyId([7; 16])));
    let refused = generated(&open, &tenants).await.unwrap_err();
    assert!(matches!(&refused, BackendError::Unsupported(why) if why.contains("no HSM")), "{refused:?}");
    let why = open.capabilities().check(Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256).unwrap_err();
    assert!(why.contains("no HSM"), "{why}");
}

#[test]
fn a_key_of_another_length_is_refused() {
    let master = MasterKey::sealed();
    assert!(master.unseal(SecretBytes::zeroed(31)).is_err());
    assert!(master.is_sealed());
    assert_eq!(format!("{master:?}"), "MasterKey(sealed)");
    master.unseal(SecretBytes::zeroed(32)).unwrap();
    assert_eq!(format!("{master:?}"), "MasterKey([redacted])");
}
