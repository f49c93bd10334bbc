//! Limits: deadlines, sizes, wrong uses.

use std::time::{Duration, Instant};

use hufu_core::algorithm::Purpose;
use hufu_core::backend::{Aead, Arrival, BackendError, KeyHandle, Operation, Outcome, SignInput, Wrapping};

use super::{Case, Failure, Subject, in_seconds, wrapping};

/// More than any backend takes in one call.
const OVERSIZED_LEN: usize = 64 << 20;

pub(super) async fn check(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    check_wrong_use(case, key).await?;
    check_oversized(case, key).await?;
    check_deadline(case, key).await
}

/// A key serves its one purpose alone.
async fn check_wrong_use(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    let nonce = [5; 12];
    let aead = Aead { nonce: &nonce, aad: b"", data: &[0; 16] };
    let template = case.template()?;
    let uses = [
        (Some(Purpose::Sign), Operation::Sign(key, SignInput::Message(b"x"))),
        (Some(Purpose::Mac), Operation::Mac(key, b"x")),
        (Some(Purpose::Encrypt).filter(|_| !case.algorithm.is_asymmetric()), Operation::Seal(key, aead)),
        (Some(Purpose::Encrypt).filter(|_| !case.algorithm.is_asymmetric()), Operation::Open(key, aead)),
        (Some(Purpose::Encrypt).filter(|_| case.algorithm.is_asymmetric()), Operation::DecryptWith(key, b"x")),
        (Some(Purpose::Encapsulate), Operation::Decapsulate(key, &[0; 1088])),
        (Some(Purpose::Agree), Operation::Agree(key, key.public_key.as_deref().unwrap_or_default())),
        (Some(Purpose::Wrap), Operation::Wrap(key, Wrapping::Key(key))),
        (None, Operation::Unwrap(&template, Arrival { by: Wrapping::Group, wrapped: &[0; 24], public_key: None })),
    ];
    for (purpose, operation) in uses {
        if purpose == Some(case.purpose) {
            continue;
        }
        let shown = format!("{operation:?}");
        let answer = case.perform(operation).await;
        let typed = matches!(answer, Err(BackendError::InvalidInput(_) | BackendError::Unsupported(_)));
        case.ensure(typed, "a use that the key does not have is refused", &(shown, answer))?;
    }
    Ok(())
}

async fn check_oversized(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    let huge = vec![0; OVERSIZED_LEN];
    let aead = Aead { nonce: &[5; 12], aad: b"", data: &huge };
    let aad = Aead { nonce: &[5; 12], aad: &huge, data: &[0; 16] };
    let uses = match case.purpose {
        Purpose::Sign => vec![Operation::Sign(key, SignInput::Message(&huge))],
        Purpose::Mac => vec![Operation::Mac(key, &huge)],
        Purpose::Encapsulate => vec![Operation::Decapsulate(key, &huge)],
        Purpose::Agree => vec![Operation::Agree(key, &huge)],
        // What is too long to be a wrapped key is rejected like anything else that is none.
        Purpose::Wrap | Purpose::Import => return wrapping::check_oversized(case, key, &huge).await,
        Purpose::Encrypt if case.algorithm.is_asymmetric() => vec![Operation::DecryptWith(key, &huge)],
        Purpose::Encrypt => vec![Operation::Seal(key, aead), Operation::Seal(key, aad), Operation::Open(key, aead)],
    };
    for operation in uses {
        let answer = case.perform(operation).await;
        let typed = matches!(answer, Err(BackendError::InvalidInput(_)));
        case.ensure(typed, "an oversized input is invalid", &answer.map(|_| "an answer"))?;
    }
    Ok(())
}

async fn check_deadline(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    let past = Instant::now().checked_sub(Duration::from_millis(1)).unwrap_or_else(Instant::now);
    let answer = case.subject.backend.perform(Operation::Destroy(key.uid), past).await;
    let expired = matches!(answer, Err(BackendError::DeadlineExceeded));
    case.ensure(expired, "a passed deadline is exceeded", &answer)?;
    let template = case.template()?;
    let answer = case.subject.backend.perform(Operation::Generate(&template), past).await;
    let expired = matches!(answer, Err(BackendError::DeadlineExceeded));
    case.ensure(expired, "a passed deadline is exceeded", &answer)?;
    let answer = case.perform(Operation::Find(template.uid)).await;
    case.ensure(matches!(answer, Ok(Outcome::Found(false))), "nothing happens after its deadline", &answer)
}

/// The inventory is as short as was asked for.
pub(super) async fn check_inventory(subject: &Subject<'_>) -> Result<(), Failure> {
    let answer = subject.backend.perform(Operation::Inventory(0), in_seconds(60)).await;
    match answer {
        Ok(Outcome::Inventory(uids)) if uids.is_empty() => Ok(()),
        answer => Err(Failure {
            subject: subject.backend.name().to_owned(),
            check: "an inventory of at most nothing is empty",
            found: format!("{answer:?}"),
        }),
    }
}
