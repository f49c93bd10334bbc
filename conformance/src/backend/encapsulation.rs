//! Key encapsulation: both sides hold one secret, and nothing else gives it.

use hufu_core::backend::{BackendError, KeyHandle, Operation, Outcome};
use hufu_secret::SecretBytes;

use super::{Case, Failure, in_seconds};

/// FIPS 203 §8, table 3.
const SECRET_LEN: usize = 32;

pub(super) async fn check(case: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    let (ciphertext, secret) = encapsulate(case, key).await?;
    let right_len = case.algorithm.encapsulation_len() == Some(ciphertext.len());
    case.ensure(right_len, "the ciphertext has the length of the standard", &ciphertext.len())?;
    case.ensure(secret.len() == SECRET_LEN, "the shared secret has 32 bytes", &secret.len())?;
    let (another, fresh) = encapsulate(case, key).await?;
    case.ensure(another != ciphertext && fresh != secret, "each encapsulation is fresh", &"it is not")?;
    for _ in 0..2 {
        let found = decapsulate(case, key, &ciphertext).await?;
        case.ensure(found == secret, "both sides hold one secret", &"they do not")?;
    }
    check_rejection(case, key, other, &ciphertext, &secret).await?;
    let len = ciphertext.len();
    for wrong in [&[][..], ciphertext.get(..len - 1).unwrap_or_default(), &[&ciphertext[..], &[0]].concat()] {
        let answer = case.perform(Operation::Decapsulate(key, wrong)).await;
        let typed = matches!(answer, Err(BackendError::InvalidInput(_)));
        case.ensure(typed, "a ciphertext of another length is invalid", &answer)?;
    }
    Ok(())
}

/// Implicit rejection (FIPS 203 §6.3): another ciphertext, or another key, gives another secret, always the same one.
async fn check_rejection(
    case: &Case<'_>,
    key: &KeyHandle,
    other: &KeyHandle,
    ciphertext: &[u8],
    secret: &SecretBytes,
) -> Result<(), Failure> {
    let strange = decapsulate(case, other, ciphertext).await?;
    case.ensure(strange != *secret, "another key gives another secret", &"it gives the same")?;
    for at in [0, ciphertext.len() / 2, ciphertext.len() - 1] {
        let mut changed = ciphertext.to_vec();
        changed.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
        let (one, again) = (decapsulate(case, key, &changed).await?, decapsulate(case, key, &changed).await?);
        case.ensure(one != *secret, "a changed ciphertext gives another secret", &"it gives the same")?;
        case.ensure(one == again, "a changed ciphertext gives one secret", &"it gives two")?;
    }
    Ok(())
}

pub(super) async fn encapsulate(case: &Case<'_>, key: &KeyHandle) -> Result<(Vec<u8>, SecretBytes), Failure> {
    let public_key = case.public_key(key);
    let operation = Operation::Encapsulate(&public_key);
    match case.subject.verifier.perform(operation, in_seconds(60)).await {
        Ok(Outcome::Encapsulated { ciphertext, secret }) => Ok((ciphertext, secret)),
        answer => Err(case.failure("a secret is encapsulated for the public key", &answer)),
    }
}

async fn decapsulate(case: &Case<'_>, key: &KeyHandle, ciphertext: &[u8]) -> Result<SecretBytes, Failure> {
    match case.perform(Operation::Decapsulate(key, ciphertext)).await {
        Ok(Outcome::Plaintext(secret)) => Ok(secret),
        answer => Err(case.failure("the key decapsulates", &answer)),
    }
}
