//! Encryption: what was sealed opens, and nothing else does.

use hufu_core::ambient::random_array;
use hufu_core::backend::{Aead, BackendError, KeyHandle, Operation, Outcome};

use super::{Case, Failure, in_seconds};

const PLAINTEXT: &[u8] = b"half a tiger is no tiger";
const AAD: &[u8] = b"context";
const TAG_LEN: usize = 16;

pub(super) async fn check_aead(case: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    let nonce = random_array(case.subject.rng).map_err(|e| case.failure("randomness", &e))?;
    for (plaintext, aad) in [(PLAINTEXT, AAD), (b"", b""), (b"", AAD), (PLAINTEXT, b""), (&[7; 70_000], AAD)] {
        let sealed = seal(case, key, &Aead { nonce: &nonce, aad, data: plaintext }).await?;
        let right_len = sealed.len() == plaintext.len() + TAG_LEN;
        case.ensure(right_len, "the ciphertext is as long as the plaintext and a tag", &sealed.len())?;
        opens(case, key, Aead { nonce: &nonce, aad, data: &sealed }, plaintext).await?;
    }
    let sealed = seal(case, key, &Aead { nonce: &nonce, aad: AAD, data: PLAINTEXT }).await?;
    let genuine = Aead { nonce: &nonce, aad: AAD, data: &sealed };
    rejected(case, other, genuine, "another key does not open").await?;
    rejected(case, key, Aead { aad: b"contexu", ..genuine }, "other associated data does not open").await?;
    let mut changed_nonce = nonce;
    changed_nonce.iter_mut().take(1).for_each(|b| *b ^= 1);
    rejected(case, key, Aead { nonce: &changed_nonce, ..genuine }, "another nonce does not open").await?;
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed.iter_mut().skip(at).take(1).for_each(|b| *b ^= 0x80);
        rejected(case, key, Aead { data: &changed, ..genuine }, "a changed ciphertext does not open").await?;
    }
    for len in [0, TAG_LEN - 1, TAG_LEN, sealed.len() - 1] {
        let cut = sealed.get(..len).unwrap_or_default();
        rejected(case, key, Aead { data: cut, ..genuine }, "a cut ciphertext does not open").await?;
    }
    opens(case, key, genuine, PLAINTEXT).await
}

pub(super) async fn check_to(case: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    let (len_max, modulus_len) = (case.algorithm.oaep_len_max(), case.algorithm.modulus_len());
    let (longest, out_of_range) = (vec![3; len_max.unwrap_or(0)], vec![0xff; modulus_len.unwrap_or(0)]);
    for plaintext in [PLAINTEXT, b"", &longest] {
        let ciphertext = encrypt_to(case, key, plaintext).await?;
        let answer = case.perform(Operation::DecryptWith(key, &ciphertext)).await;
        let same = matches!(&answer, Ok(Outcome::Plaintext(found)) if found.expose() == plaintext);
        case.ensure(same, "what was encrypted to a key decrypts", &answer)?;
    }
    let ciphertext = encrypt_to(case, key, PLAINTEXT).await?;
    let mut changed = ciphertext.clone();
    changed.iter_mut().skip(100).take(1).for_each(|b| *b ^= 1);
    let cut = ciphertext.split_last().map_or(&[][..], |(_, rest)| rest);
    for (key, bad) in [(other, &ciphertext[..]), (key, &changed), (key, cut), (key, &[]), (key, &out_of_range)] {
        let answer = case.perform(Operation::DecryptWith(key, bad)).await;
        case.ensure(matches!(answer, Err(BackendError::Rejected)), "anything else is rejected", &answer)?;
    }
    let public_key = case.public_key(key);
    let too_long = [&longest[..], &[3]].concat();
    let operation = Operation::EncryptTo(&public_key, &too_long);
    let answer = case.subject.verifier.perform(operation, in_seconds(60)).await;
    let typed = matches!(answer, Err(BackendError::InvalidInput(_)));
    case.ensure(typed, "a plaintext too long for the modulus is invalid", &answer)
}

async fn encrypt_to(case: &Case<'_>, key: &KeyHandle, plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
    let public_key = case.public_key(key);
    let operation = Operation::EncryptTo(&public_key, plaintext);
    match case.subject.verifier.perform(operation, in_seconds(60)).await {
        Ok(Outcome::Bytes(ciphertext)) => Ok(ciphertext),
        answer => Err(case.failure("a plaintext is encrypted to the public key", &answer)),
    }
}

async fn seal(case: &Case<'_>, key: &KeyHandle, input: &Aead<'_>) -> Result<Vec<u8>, Failure> {
    case.bytes("the key seals", Operation::Seal(key, *input)).await
}

async fn opens(case: &Case<'_>, key: &KeyHandle, input: Aead<'_>, plaintext: &[u8]) -> Result<(), Failure> {
    let answer = case.perform(Operation::Open(key, input)).await;
    let same = matches!(&answer, Ok(Outcome::Plaintext(found)) if found.expose() == plaintext);
    case.ensure(same, "what was sealed opens", &answer)
}

async fn rejected(case: &Case<'_>, key: &KeyHandle, input: Aead<'_>, check: &'static str) -> Result<(), Failure> {
    let answer = case.perform(Operation::Open(key, input)).await;
    case.ensure(matches!(answer, Err(BackendError::Rejected)), check, &answer)
}
