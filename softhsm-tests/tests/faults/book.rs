//! What the callers know: signatures that they were given, all of them right.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use hufu_sdk::{Client, Error, KeyRef, NewKey, v1};

/// A key on the token.
pub(crate) struct Key {
    pub(crate) name: KeyRef,
    verifier: &'static dyn VerificationAlgorithm,
    spki: Vec<u8>,
}

/// What is known of one key's signatures.
#[derive(Clone, Copy, Default)]
pub(crate) struct Page {
    pub(crate) asked: u64,
    pub(crate) acknowledged: u64,
    /// How long after the end of the faults the first signature came that was asked for after it.
    pub(crate) back_after: Option<Duration>,
}

/// Everything that the callers know.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) keys: Vec<Key>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    pages: BTreeMap<String, Page>,
    /// Signatures that do not verify.
    wrong: Vec<String>,
    failures: BTreeMap<String, u64>,
    calm_since: Option<Instant>,
    /// Names of keys whose creation was acknowledged.
    created: Vec<KeyRef>,
}

impl Key {
    /// Makes a key on the token.
    pub(crate) async fn create(client: &Client, name: &str, algorithm: v1::Algorithm) -> Self {
        client.create_key(NewKey::new(name, algorithm, v1::Protection::Hsm)).await.expect("a new key");
        Self::read(client, name.parse().unwrap()).await
    }

    /// Reads the public half of a key.
    pub(crate) async fn read(client: &Client, name: KeyRef) -> Self {
        let public = client.public_key(&name).await.expect("a public key");
        let verifier: &dyn VerificationAlgorithm = match public.algorithm() {
            v1::Algorithm::Ed25519 => &ED25519,
            v1::Algorithm::Rsa3072 => &RSA_PSS_2048_8192_SHA256,
            _ => &ECDSA_P256_SHA256_ASN1,
        };
        Self { name, verifier, spki: public.spki_der }
    }

    /// Whether it made the signature.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.verifier, &self.spki).verify(message, signature).is_ok()
    }
}

impl Book {
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        Self { keys, ..Self::default() }
    }

    pub(crate) fn asked(&self, key: &Key) {
        self.with(|inner| inner.pages.entry(key.name.to_string()).or_default().asked += 1);
    }

    /// Notes a signature over a message that was asked for at that time.
    pub(crate) fn signed(&self, key: &Key, asked_at: Instant, message: &[u8], signature: &[u8]) {
        let maker = (!key.verifies(message, signature)).then(|| self.maker(message, signature));
        self.with(|inner| {
            let page = inner.pages.entry(key.name.to_string()).or_default();
            page.acknowledged += 1;
            match (maker, inner.calm_since) {
                (Some(maker), _) => inner.wrong.push(format!("`{}` was asked, {maker} signed", key.name)),
                (None, Some(calm)) if asked_at >= calm && page.back_after.is_none() => {
                    page.back_after = Some(calm.elapsed());
                }
                _ => {}
            }
        });
    }

    pub(crate) fn failed(&self, error: &Error) {
        let reason = error.reason().map_or_else(|| format!("{error:?}"), str::to_owned);
        self.with(|inner| *inner.failures.entry(reason).or_default() += 1);
    }

    pub(crate) fn created(&self, key: KeyRef) {
        self.with(|inner| inner.created.push(key));
    }

    pub(crate) fn all_created(&self) -> Vec<KeyRef> {
        self.with(|inner| inner.created.clone())
    }

    /// The faults have ended now.
    pub(crate) fn calm(&self) {
        self.with(|inner| {
            inner.calm_since = Some(Instant::now());
            inner.pages.values_mut().for_each(|page| page.back_after = None);
        });
    }

    /// The longest time after the end of the faults until a key signed again, once all have.
    pub(crate) fn all_back_after(&self) -> Option<Duration> {
        let times = self.with(|inner| {
            self.keys.iter().map(|key| inner.pages.get(&key.name.to_string())?.back_after).collect::<Option<Vec<_>>>()
        });
        times?.into_iter().max()
    }

    /// The errors that were answered since the last time, by their reasons.
    pub(crate) fn take_failures(&self) -> BTreeMap<String, u64> {
        self.with(|inner| std::mem::take(&mut inner.failures))
    }

    /// Signatures that were given and are wrong.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.with(|inner| inner.wrong.clone())
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.with(|inner| inner.pages.values().map(|page| page.acknowledged).sum())
    }

    pub(crate) fn page(&self, key: &Key) -> Page {
        self.with(|inner| inner.pages.get(&key.name.to_string()).copied().unwrap_or_default())
    }

    /// Who made a signature that the key did not make.
    fn maker(&self, message: &[u8], signature: &[u8]) -> String {
        let maker = self.keys.iter().find(|other| other.verifies(message, signature));
        maker.map_or_else(|| "nobody known".to_owned(), |maker| format!("`{}`", maker.name))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap())
    }
}
