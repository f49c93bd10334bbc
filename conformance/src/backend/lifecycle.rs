//! Finding and destroying.

use hufu_core::algorithm::Purpose;
use hufu_core::backend::{Aead, BackendError, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::record::{Locator, VersionUid};

use super::{Case, Failure, Report, import, in_seconds, wrapping};

pub(super) async fn check_destroy(
    case: &Case<'_>,
    key: &KeyHandle,
    other: &KeyHandle,
    report: &mut Report,
) -> Result<(), Failure> {
    let on_device = matches!(key.locator, Locator::Token { .. } | Locator::Group { .. });
    if on_device {
        case.ensure(find(case, key.uid).await?, "a generated key is found", &key.uid)?;
        case.ensure(listed(case, key.uid).await?, "a generated key is in the inventory", &key.uid)?;
    } else {
        report.skipped.push(format!("{case}: find and inventory: the backend keeps no material"));
    }
    for _ in 0..2 {
        let answer = case.perform(Operation::Destroy(key.uid)).await;
        case.ensure(matches!(answer, Ok(Outcome::Done)), "destroying succeeds, twice", &answer)?;
        case.ensure(!find(case, key.uid).await?, "a destroyed key is not found", &key.uid)?;
        case.ensure(!listed(case, key.uid).await?, "a destroyed key is not in the inventory", &key.uid)?;
    }
    // Where material lives in the record, destruction takes it out of there.
    let gone = if on_device { key.clone() } else { KeyHandle { locator: Locator::Gone, ..key.clone() } };
    let answer = use_key(case, &gone).await;
    case.ensure(matches!(answer, Err(BackendError::Missing(_))), "a destroyed key is missing", &answer)?;
    let answer = use_key(case, other).await;
    case.ensure(answer.is_ok(), "other keys are untouched", &answer)?;
    check_mixed_up(case, other).await?;
    let answer = case.perform(Operation::Destroy(other.uid)).await;
    case.ensure(matches!(answer, Ok(Outcome::Done)), "destroying succeeds", &answer)
}

/// A handle whose public key is not the material's is not served.
async fn check_mixed_up(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    if !case.algorithm.is_asymmetric() {
        return Ok(());
    }
    let stranger = case.generate().await?;
    let mut mixed = KeyHandle { public_key: stranger.public_key.clone(), ..key.clone() };
    if let (
        Locator::Token { fingerprint, .. } | Locator::Group { fingerprint, .. },
        Locator::Token { fingerprint: theirs, .. } | Locator::Group { fingerprint: theirs, .. },
    ) = (&mut mixed.locator, &stranger.locator)
    {
        *fingerprint = *theirs;
    }
    let answer = use_key(case, &mixed).await;
    let missing = matches!(answer, Err(BackendError::Missing(_)));
    case.ensure(missing, "material of another public key is missing", &answer)?;
    case.perform(Operation::Destroy(stranger.uid)).await.map_err(|e| case.failure("destroying succeeds", &e))?;
    Ok(())
}

async fn find(case: &Case<'_>, uid: VersionUid) -> Result<bool, Failure> {
    match case.perform(Operation::Find(uid)).await {
        Ok(Outcome::Found(found)) => Ok(found),
        answer => Err(case.failure("finding answers", &answer)),
    }
}

async fn listed(case: &Case<'_>, uid: VersionUid) -> Result<bool, Failure> {
    match case.perform(Operation::Inventory(10_000)).await {
        Ok(Outcome::Inventory(uids)) => Ok(uids.contains(&uid)),
        answer => Err(case.failure("the inventory answers", &answer)),
    }
}

pub(super) async fn use_key(case: &Case<'_>, key: &KeyHandle) -> Result<Outcome, BackendError> {
    let sealed = Aead { nonce: &[1; 12], aad: b"", data: b"x" };
    match case.purpose {
        Purpose::Sign => case.perform(Operation::Sign(key, SignInput::Message(b"x"))).await,
        Purpose::Mac => case.perform(Operation::Mac(key, b"x")).await,
        Purpose::Agree => {
            let own = key.public_key.as_deref().unwrap_or_default();
            case.perform(Operation::Agree(key, own)).await
        }
        Purpose::Encapsulate => case.perform(Operation::Decapsulate(key, &[0x5a; 1088])).await,
        Purpose::Wrap => wrapping::wrap_something(case, key).await,
        Purpose::Import => import::bring_something(case, key).await,
        Purpose::Encrypt if !case.algorithm.is_asymmetric() => case.perform(Operation::Seal(key, sealed)).await,
        Purpose::Encrypt => {
            let public_key = case.public_key(key);
            let ciphertext = Operation::EncryptTo(&public_key, b"x");
            match case.subject.verifier.perform(ciphertext, in_seconds(60)).await? {
                Outcome::Bytes(ciphertext) => case.perform(Operation::DecryptWith(key, &ciphertext)).await,
                _ => Err(BackendError::Failed("encrypting answers bytes".to_owned())),
            }
        }
    }
}
