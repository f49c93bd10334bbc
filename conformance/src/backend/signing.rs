//! Signatures: good ones verify, changed ones do not.

use hufu_core::backend::{BackendError, KeyHandle, Operation, Outcome, SignInput};

use super::{Case, Failure, Report, block_on};

const MESSAGE: &[u8] = b"the tally is whole when both halves meet";
const TASKS: u8 = 8;

pub(super) async fn check(
    case: &Case<'_>,
    key: &KeyHandle,
    other: &KeyHandle,
    report: &mut Report,
) -> Result<(), Failure> {
    let signature = sign(case, key, SignInput::Message(MESSAGE)).await?;
    let expected = case.scheme.scalar_len().map(|len| 2 * len);
    let right_len = expected.is_none_or(|len| signature.len() == len);
    case.ensure(right_len, "r and s have fixed lengths", &signature.len())?;
    expect(case, key, SignInput::Message(MESSAGE), &signature, true, "a signature verifies").await?;
    expect(case, other, SignInput::Message(MESSAGE), &signature, false, "another key's signature is bad").await?;
    expect(case, key, SignInput::Message(b"other"), &signature, false, "a signature of another message is bad")
        .await?;
    check_tampered(case, key, &signature).await?;
    for message in [&b""[..], &[0x5a; 100_000]] {
        let signature = sign(case, key, SignInput::Message(message)).await?;
        expect(case, key, SignInput::Message(message), &signature, true, "any length of message signs").await?;
    }
    check_digest(case, key, report).await?;
    check_concurrently(case, key, other)
}

async fn check_tampered(case: &Case<'_>, key: &KeyHandle, signature: &[u8]) -> Result<(), Failure> {
    for at in [0, signature.len() / 2, signature.len().saturating_sub(1)] {
        let mut changed = signature.to_vec();
        changed.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
        expect(case, key, SignInput::Message(MESSAGE), &changed, false, "a changed signature is bad").await?;
    }
    let cut = signature.split_last().map_or(&[][..], |(_, rest)| rest);
    expect(case, key, SignInput::Message(MESSAGE), cut, false, "a cut signature is bad").await?;
    expect(case, key, SignInput::Message(MESSAGE), &[], false, "an empty signature is bad").await
}

async fn check_digest(case: &Case<'_>, key: &KeyHandle, report: &mut Report) -> Result<(), Failure> {
    let Some(len) = case.scheme.digest_len() else {
        let answer = case.perform(Operation::Sign(key, SignInput::Digest(&[7; 32]))).await;
        let typed = matches!(answer, Err(BackendError::Unsupported(_) | BackendError::InvalidInput(_)));
        return case.ensure(typed, "a scheme without digests refuses one", &answer);
    };
    let digest = vec![0xc3; len];
    match case.perform(Operation::Sign(key, SignInput::Digest(&digest))).await {
        Ok(Outcome::Bytes(signature)) => {
            expect(case, key, SignInput::Digest(&digest), &signature, true, "a signed digest verifies").await?;
        }
        Err(BackendError::Unsupported(why)) => report.skipped.push(format!("{case}: digest: {why}")),
        answer => return Err(case.failure("a digest is signed", &answer)),
    }
    for wrong in [0, len - 1, len + 1] {
        let answer = case.perform(Operation::Sign(key, SignInput::Digest(&vec![1; wrong]))).await;
        let typed = matches!(answer, Err(BackendError::InvalidInput(_) | BackendError::Unsupported(_)));
        case.ensure(typed, "a digest of the wrong length is invalid", &answer)?;
    }
    Ok(())
}

/// Eight threads use two keys at once; each gets its own answer.
fn check_concurrently(case: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    let work = |task: u8| async move {
        let key = if task.is_multiple_of(2) { key } else { other };
        for round in 0..4u8 {
            let message = [task, round];
            let signature = sign(case, key, SignInput::Message(&message)).await?;
            expect(case, key, SignInput::Message(&message), &signature, true, "concurrent signatures verify").await?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..TASKS).map(|task| scope.spawn(move || block_on(work(task)))).collect();
        tasks.into_iter().try_for_each(|task| match task.join() {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(case.failure("a runtime starts", &error)),
            Err(_) => Err(case.failure("concurrent use does not panic", &"panic")),
        })
    })
}

async fn sign(case: &Case<'_>, key: &KeyHandle, input: SignInput<'_>) -> Result<Vec<u8>, Failure> {
    case.bytes("the key signs", Operation::Sign(key, input)).await
}

async fn expect(
    case: &Case<'_>,
    key: &KeyHandle,
    input: SignInput<'_>,
    signature: &[u8],
    good: bool,
    check: &'static str,
) -> Result<(), Failure> {
    let public_key = case.public_key(key);
    let operation = Operation::Verify(&public_key, input, signature);
    let answer = case.subject.verifier.perform(operation, super::in_seconds(60)).await;
    case.ensure(matches!(answer, Ok(Outcome::Verified(found)) if found == good), check, &answer)
}
