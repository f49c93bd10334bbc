//! Keys for trials, through the backend, and their signatures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::random_array;
use hufu_core::backend::{
    BackendError, Generated, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, SignInput, Template,
};
use hufu_core::record::VersionUid;

use crate::ambient::HostRng;

/// What a trial signs with, in this order of preference.
const PREFERRED: [(Algorithm, Scheme); 4] = [
    (Algorithm::P256, Scheme::EcdsaSha256),
    (Algorithm::Ed25519, Scheme::Ed25519),
    (Algorithm::P384, Scheme::EcdsaSha384),
    (Algorithm::Rsa3072, Scheme::RsaPkcs1Sha256),
];

/// How long a trial may take.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub(crate) fn soon() -> Instant {
    Instant::now() + WAIT_MAX
}

/// The algorithm of trials; nothing if the token signs with none of them.
pub(crate) fn algorithm(backend: &dyn KeyBackend) -> Option<(Algorithm, Scheme)> {
    let schemes = backend.capabilities().schemes;
    PREFERRED.into_iter().find(|(algorithm, scheme)| schemes.contains(&(*algorithm, Purpose::Sign, *scheme)))
}

/// Makes a key on the token.
pub(crate) async fn make(
    backend: &dyn KeyBackend,
    (algorithm, scheme): (Algorithm, Scheme),
) -> Result<KeyHandle, BackendError> {
    let uid = VersionUid(random_array(&HostRng).map_err(|error| BackendError::Failed(error.to_string()))?);
    let binding: Arc<[u8]> = Arc::from([]);
    let purpose = Purpose::Sign;
    let template = Template {
        uid,
        algorithm,
        purpose,
        scheme,
        binding: Arc::clone(&binding),
        wrapping_key: None,
        exit: hufu_core::record::Exit::Never,
    };
    let Outcome::Generated(generated) = backend.perform(Operation::Generate(&template), soon()).await? else {
        return Err(BackendError::Failed("making a key answers no key".to_owned()));
    };
    let Generated { locator, public_key, .. } = *generated;
    let public_key = public_key.map(Arc::from);
    Ok(KeyHandle { uid, algorithm, scheme, locator, binding, public_key, distinguishing_id: None })
}

pub(crate) async fn sign(backend: &dyn KeyBackend, key: &KeyHandle, message: &[u8]) -> Result<Vec<u8>, BackendError> {
    match backend.perform(Operation::Sign(key, SignInput::Message(message)), soon()).await? {
        Outcome::Bytes(signature) => Ok(signature),
        _ => Err(BackendError::Failed("signing answers no signature".to_owned())),
    }
}

/// Whether a signature is good.
pub(crate) async fn verifies(verifier: &dyn KeyBackend, key: &KeyHandle, message: &[u8], signature: &[u8]) -> bool {
    let public_key = PublicKey {
        algorithm: key.algorithm,
        scheme: key.scheme,
        spki: key.public_key.as_deref().unwrap_or_default(),
        distinguishing_id: None,
    };
    let operation = Operation::Verify(&public_key, SignInput::Message(message), signature);
    matches!(verifier.perform(operation, soon()).await, Ok(Outcome::Verified(true)))
}
