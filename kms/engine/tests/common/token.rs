//! A token that survives every crash, and key material whose outputs can be told apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use hufu_core::algorithm::Algorithm;
use hufu_core::record::VersionUid;
use parking_lot::Mutex;

/// An Ed25519 SubjectPublicKeyInfo before the key itself (RFC 8410 §4).
pub(crate) const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// Key material of one version. Every output of it can be made again, so that the oracle knows whose it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Material {
    pub(crate) algorithm: Algorithm,
    pub(crate) bytes: [u8; 32],
}

impl Material {
    /// SubjectPublicKeyInfo of a key pair.
    pub(crate) fn public_key(&self) -> Option<Vec<u8>> {
        let pairs =
            [Algorithm::Ed25519, Algorithm::MlDsa44, Algorithm::MlKem768, Algorithm::X25519, Algorithm::Rsa3072];
        pairs.contains(&self.algorithm).then(|| [SPKI_PREFIX.as_slice(), self.pair().public_key().as_ref()].concat())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair().sign(message).as_ref().to_vec()
    }

    pub(crate) fn mac(&self, data: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.bytes), data).as_ref().to_vec()
    }

    pub(crate) fn seal(&self, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut data = plaintext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.cipher().seal_in_place_append_tag(nonce, Aad::from(aad), &mut data).unwrap();
        data
    }

    pub(crate) fn open(&self, nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
        let mut data = ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        Some(self.cipher().open_in_place(nonce, Aad::from(aad), &mut data).ok()?.to_vec())
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.bytes).unwrap()
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.bytes).unwrap())
    }
}

/// Whether a signature is good under an Ed25519 SubjectPublicKeyInfo.
pub(crate) fn verify(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, &spki[SPKI_PREFIX.len()..]).verify(message, signature).is_ok()
}

/// What stands for a shared secret: whose key and which ciphertext it is of can be told, and that is all it is for.
pub(crate) fn shared_secret(spki: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, spki), ciphertext).as_ref().to_vec()
}

/// Watches what happens on the token.
pub(crate) trait TokenWitness: Send + Sync {
    fn generated(&self, uid: VersionUid);
    fn destroyed(&self, uid: VersionUid);
}

/// The token, and a memory of all material that was ever made, anywhere.
#[derive(Default)]
pub(crate) struct SimToken {
    objects: Mutex<BTreeMap<VersionUid, Material>>,
    ever: Mutex<BTreeMap<VersionUid, Material>>,
    witness: Mutex<Option<Arc<dyn TokenWitness>>>,
    /// Whether it is not there.
    pub(crate) is_absent: AtomicBool,
    /// Whether its random source gives one byte for ever.
    pub(crate) random_is_stuck: AtomicBool,
    /// It stands for several tokens.
    pub(crate) group: Option<SimGroup>,
}

/// Several tokens that hold the same keys, as the engine sees them.
#[derive(Default)]
pub(crate) struct SimGroup {
    /// How often one of them has come back.
    pub(crate) returns: AtomicU64,
    /// One of them is away.
    pub(crate) is_short: AtomicBool,
    /// What was levelled.
    pub(crate) levelled: Mutex<Vec<VersionUid>>,
}

impl SimToken {
    /// One that stands for several tokens.
    pub(crate) fn of_a_group() -> Self {
        Self { group: Some(SimGroup::default()), ..Self::default() }
    }

    pub(crate) fn watch(&self, witness: Arc<dyn TokenWitness>) {
        *self.witness.lock() = Some(witness);
    }

    pub(crate) fn keep(&self, uid: VersionUid, material: Material) {
        self.remember(uid, &material);
        self.objects.lock().insert(uid, material);
        if let Some(witness) = self.witness.lock().as_ref() {
            witness.generated(uid);
        }
    }

    /// Material that lives elsewhere, for the oracle.
    pub(crate) fn remember(&self, uid: VersionUid, material: &Material) {
        self.ever.lock().insert(uid, material.clone());
    }

    pub(crate) fn find(&self, uid: VersionUid) -> Option<Material> {
        self.objects.lock().get(&uid).cloned()
    }

    pub(crate) fn destroy(&self, uid: VersionUid) {
        if self.objects.lock().remove(&uid).is_some()
            && let Some(witness) = self.witness.lock().as_ref()
        {
            witness.destroyed(uid);
        }
    }

    pub(crate) fn uids(&self) -> Vec<VersionUid> {
        self.objects.lock().keys().copied().collect()
    }

    /// The material of a version, whether it is still there or not.
    pub(crate) fn ever(&self, uid: VersionUid) -> Option<Material> {
        self.ever.lock().get(&uid).cloned()
    }
}
