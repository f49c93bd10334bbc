//! Keys that wrap other keys, and keys that stay.

use std::sync::Arc;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{
    Arrival, BackendError, Generated, KeyHandle, Operation, Outcome, Rewrap, Template, Wrapping,
};
use hufu_core::record::{Exit, Locator, WrappingKeyId};

use super::{Case, Failure};

pub(super) async fn check(case: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    for row in leaving(case) {
        check_row(case, &row, key, other).await?;
    }
    Ok(())
}

/// A key that was made to stay does not leave, whoever asks.
pub(super) async fn check_exit(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    let Some(wrapper) = wrapper(case).await? else {
        let by = case.public_key(key);
        let answer = case.perform(Operation::Wrap(key, Wrapping::Public(&by))).await;
        return case.ensure(is_unsupported(&answer), "a backend whose keys stay wraps none", &answer);
    };
    let answer = case.perform(Operation::Wrap(key, Wrapping::Key(&wrapper))).await;
    case.ensure(is_unsupported(&answer), "a key that stays is not wrapped", &answer)
}

/// Material that is kept wrapped at rest goes under another binding and back; what is on a device has no wrapping to change.
pub(super) async fn check_rewrap(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    let binding: Arc<[u8]> = Arc::from(&b"hufu: another binding"[..]);
    let Locator::Wrapped { wrapping_key, .. } = key.locator else {
        let rewrap = Rewrap { wrapping_key: WrappingKeyId([0; 16]), binding: &binding };
        let answer = case.perform(Operation::Rewrap(key, rewrap)).await;
        return case.ensure(is_unsupported(&answer), "a key on a device is not wrapped anew", &answer);
    };
    let answer = case.perform(Operation::Rewrap(key, Rewrap { wrapping_key, binding: &binding })).await;
    let Ok(Outcome::Rewrapped(locator)) = answer else {
        return case.ensure(false, "wrapped material is wrapped anew", &answer);
    };
    let back = Rewrap { wrapping_key, binding: &key.binding };
    let moved = KeyHandle { locator, binding, ..key.clone() };
    let answer = case.perform(Operation::Rewrap(&moved, back)).await;
    case.ensure(matches!(answer, Ok(Outcome::Rewrapped(_))), "what was wrapped anew opens", &answer)?;
    let unbound = KeyHandle { binding: key.binding.clone(), ..moved };
    let answer = case.perform(Operation::Rewrap(&unbound, back)).await;
    let is_missing = matches!(answer, Err(BackendError::Missing(_)));
    case.ensure(is_missing, "and only as its new binding says", &answer)
}

/// What is too long is refused before it is looked at.
pub(super) async fn check_oversized(case: &Case<'_>, key: &KeyHandle, huge: &[u8]) -> Result<(), Failure> {
    let target =
        Case { algorithm: Algorithm::HmacSha256, purpose: Purpose::Mac, scheme: Scheme::HmacSha256, ..*case };
    let answer = unwrap(&target, key, huge, None).await.map(|_| "an answer");
    let typed = is_rejected(&answer) || matches!(answer, Err(BackendError::InvalidInput(_)));
    case.ensure(typed, "oversized wrapped material is refused", &answer)
}

/// Wraps a new key that may leave.
pub(super) async fn wrap_something(case: &Case<'_>, by: &KeyHandle) -> Result<Outcome, BackendError> {
    let row = Case { algorithm: Algorithm::HmacSha256, purpose: Purpose::Mac, scheme: Scheme::HmacSha256, ..*case };
    let target = leaver(&row).await.map_err(|failure| BackendError::Failed(failure.to_string()))?;
    case.perform(Operation::Wrap(&target, Wrapping::Key(by))).await
}

/// Unwraps under a fresh template that stays.
pub(super) async fn unwrap(
    target: &Case<'_>,
    by: &KeyHandle,
    wrapped: &[u8],
    public_key: Option<&[u8]>,
) -> Result<(Template, Generated), BackendError> {
    let template = target.template().map_err(|failure| BackendError::Failed(failure.to_string()))?;
    let arrival = Arrival { by: Wrapping::Key(by), wrapped, public_key };
    match target.perform(Operation::Unwrap(&template, arrival)).await? {
        Outcome::Generated(generated) => Ok((template, *generated)),
        answer => Err(BackendError::Failed(format!("{answer:?}"))),
    }
}

pub(super) fn is_rejected<T>(answer: &Result<T, BackendError>) -> bool {
    matches!(answer, Err(BackendError::Rejected))
}

fn is_unsupported<T>(answer: &Result<T, BackendError>) -> bool {
    matches!(answer, Err(BackendError::Unsupported(_)))
}

/// One pair and two secret keys: what leaves, and what it is for.
fn leaving<'a>(case: &Case<'a>) -> [Case<'a>; 3] {
    let row = |algorithm, purpose, scheme| Case { algorithm, purpose, scheme, ..*case };
    [
        row(Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256),
        row(Algorithm::HmacSha256, Purpose::Mac, Scheme::HmacSha256),
        row(Algorithm::Aes256Gcm, Purpose::Encrypt, Scheme::AesGcm),
    ]
}

async fn leaver(row: &Case<'_>) -> Result<KeyHandle, Failure> {
    row.generate_as(Template { exit: Exit::Exportable, ..row.template()? }).await
}

async fn wrapper(case: &Case<'_>) -> Result<Option<KeyHandle>, Failure> {
    let row = Case { algorithm: Algorithm::Aes256Kwp, purpose: Purpose::Wrap, scheme: Scheme::AesKwp, ..*case };
    let capabilities = case.subject.backend.capabilities();
    let serves = capabilities.check(row.algorithm, row.purpose, row.scheme).is_ok();
    if serves && capabilities.allows(Exit::Exportable) { row.generate().await.map(Some) } else { Ok(None) }
}

async fn check_row(case: &Case<'_>, row: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    let target = leaver(row).await?;
    let wrapped = case.bytes("a key wraps one that may leave", Operation::Wrap(&target, Wrapping::Key(key))).await?;
    let public = target.public_key.as_deref();
    let unwrapped = unwrap(row, key, &wrapped, public).await;
    let Ok((template, generated)) = unwrapped else {
        return Err(case.failure("what was wrapped unwraps", &unwrapped));
    };
    let back = row.handle(template, generated)?;
    case.ensure(back.public_key == target.public_key, "it is the same public key", &back.public_key)?;
    check_same(row, &target, &back).await?;
    let answer = case.perform(Operation::Wrap(&back, Wrapping::Key(key))).await;
    case.ensure(is_unsupported(&answer), "what came in to stay stays", &answer)?;
    check_faults(case, row, key, other, &wrapped, public).await
}

/// A MAC tells most plainly whether two secrets are one.
async fn check_same(row: &Case<'_>, target: &KeyHandle, back: &KeyHandle) -> Result<(), Failure> {
    if row.purpose != Purpose::Mac {
        return super::lifecycle::use_key(row, back)
            .await
            .map(drop)
            .map_err(|error| row.failure("what came in works", &error));
    }
    let first = row.bytes("it makes codes", Operation::Mac(target, b"m")).await?;
    let again = row.bytes("it makes codes", Operation::Mac(back, b"m")).await?;
    row.ensure(first == again, "it is the same key", &again)
}

/// Another key, another kind, another length, and each byte changed: one answer (Clulow 2003, key conjuring).
async fn check_faults(
    case: &Case<'_>,
    row: &Case<'_>,
    key: &KeyHandle,
    other: &KeyHandle,
    wrapped: &[u8],
    public: Option<&[u8]>,
) -> Result<(), Failure> {
    let answer = unwrap(row, other, wrapped, public).await.map(|_| ());
    case.ensure(is_rejected(&answer), "another key does not unwrap", &answer)?;
    for at in 0..wrapped.len() {
        let mut spoilt = wrapped.to_vec();
        spoilt.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 0x10);
        let answer = unwrap(row, key, &spoilt, public).await.map(|_| ());
        case.ensure(is_rejected(&answer), "changed bytes do not unwrap", &(at, answer))?;
    }
    for len in [0, 1, 8, 16, 24, wrapped.len() - 1] {
        let answer = unwrap(row, key, wrapped.get(..len).unwrap_or_default(), public).await.map(|_| ());
        case.ensure(is_rejected(&answer), "cut bytes do not unwrap", &(len, answer))?;
    }
    let itself = Case { algorithm: Algorithm::Aes256Kwp, purpose: Purpose::Wrap, scheme: Scheme::AesKwp, ..*case };
    let answer = unwrap(&itself, key, wrapped, None).await.map(|_| ());
    case.ensure(is_unsupported(&answer), "no key comes in that wraps others", &answer)?;
    let longer =
        Case { algorithm: Algorithm::HmacSha384, purpose: Purpose::Mac, scheme: Scheme::HmacSha384, ..*case };
    let answer = unwrap(&longer, key, wrapped, None).await.map(|_| ());
    case.ensure(is_rejected(&answer), "it does not become a key of another length", &answer)
}
