//! Key agreement: two keys meet in one secret from either side, and what is no public key of that kind meets nothing.

use hufu_core::algorithm::Algorithm;
use hufu_core::backend::{BackendError, KeyHandle, Operation, Outcome};
use hufu_secret::SecretBytes;

use super::{Case, Failure, encapsulation};

pub(super) async fn check(case: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    let secret = agree(case, key, public(other)).await?;
    let right_len = case.algorithm.agreement_len() == Some(secret.len());
    case.ensure(right_len, "the shared secret has the length of the field", &secret.len())?;
    let nothing = secret.expose().iter().all(|byte| *byte == 0);
    case.ensure(!nothing, "a shared secret is not all zeros", &"it is")?;
    for (ours, theirs) in [(other, key), (key, other)] {
        let found = agree(case, ours, public(theirs)).await?;
        case.ensure(found == secret, "both sides agree on one secret", &"they do not")?;
    }
    let stranger = case.generate().await?;
    let strange = agree(case, key, public(&stranger)).await?;
    case.perform(Operation::Destroy(stranger.uid)).await.map_err(|e| case.failure("destroying succeeds", &e))?;
    case.ensure(strange != secret, "another peer gives another secret", &"it gives the same")?;
    check_foreign(case, key).await?;
    check_peers(case, key, public(other)).await?;
    let found = agree(case, key, public(other)).await?;
    case.ensure(found == secret, "after refusals the secret is the same", &"it is not")
}

/// The backend agrees with the verifier, which is another implementation where the backend is a device.
async fn check_foreign(case: &Case<'_>, key: &KeyHandle) -> Result<(), Failure> {
    for _ in 0..4 {
        let (peer, secret) = encapsulation::encapsulate(case, key).await?;
        let found = agree(case, key, &peer).await?;
        case.ensure(found == secret, "another implementation agrees on the same secret", &"it does not")?;
    }
    Ok(())
}

/// Peers that are none: encodings, curves and points.
async fn check_peers(case: &Case<'_>, key: &KeyHandle, good: &[u8]) -> Result<(), Failure> {
    let cut = good.get(..good.len() - 1).unwrap_or_default().to_vec();
    let longer = [good, &[0]].concat();
    let mut wrong = vec![Vec::new(), vec![0x30], cut, longer, foreign(case.algorithm), vec![0x5a; 4096]];
    match case.algorithm {
        Algorithm::X25519 => wrong.extend(small_order(good)),
        _ => wrong.extend(off_curve(good, 2 * case.algorithm.agreement_len().unwrap_or_default())),
    }
    for (at, peer) in wrong.iter().enumerate() {
        let answer = case.perform(Operation::Agree(key, peer)).await;
        let typed = matches!(answer, Err(BackendError::InvalidInput(_)));
        case.ensure(typed, "a peer that is no public key of that kind is invalid", &(at, peer, answer))?;
    }
    Ok(())
}

/// A good public key of another kind: Ed25519 for curves of points, P-256 (SP 800-186's base point) for X25519.
fn foreign(algorithm: Algorithm) -> Vec<u8> {
    const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00\
        \xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\
        \x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";
    const P256: &[u8] =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\
        \x03\x42\x00\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\
        \x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
        \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\
        \x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";
    if algorithm == Algorithm::X25519 { P256.to_vec() } else { ED25519.to_vec() }
}

/// Points that are on no curve, or written as the standard's other forms: each byte string ends with the coordinates.
fn off_curve(good: &[u8], coordinates_len: usize) -> Vec<Vec<u8>> {
    let (head, coordinates) = good.split_at(good.len() - coordinates_len);
    let with = |changed: &[u8]| [head, changed].concat();
    let flipped = |at: usize| {
        let mut changed = coordinates.to_vec();
        changed.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
        with(&changed)
    };
    let hybrid = [head.split_last().map_or(head, |(_, rest)| rest), &[6], coordinates].concat();
    vec![
        flipped(coordinates_len - 1),
        flipped(0),
        with(&vec![0; coordinates_len]),
        with(&vec![0xff; coordinates_len]),
        hybrid,
    ]
}

/// Points of small order (RFC 7748 §6.1): they give zeros with every key. 0, 1, −1, and two of order 8.
fn small_order(good: &[u8]) -> Vec<Vec<u8>> {
    const ORDER_8: [[u8; 32]; 2] = [
        *b"\xe0\xeb\x7a\x7c\x3b\x41\xb8\xae\x16\x56\xe3\xfa\xf1\x9f\xc4\x6a\xda\x09\x8d\xeb\x9c\x32\xb1\xfd\x86\x62\x05\x16\x5f\x49\xb8\x00",
        *b"\x5f\x9c\x95\xbc\xa3\x50\x8c\x24\xb1\xd0\xb1\x55\x9c\x83\xef\x5b\x04\x44\x5c\xc4\x58\x1c\x8e\x86\xd8\x22\x4e\xdd\xd0\x9f\x11\x57",
    ];
    let (mut one, mut minus_one) = ([0; 32], [0xff; 32]);
    one[0] = 1;
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let head = good.get(..good.len() - 32).unwrap_or_default();
    [[0; 32], one, minus_one].iter().chain(&ORDER_8).map(|point| [head, point].concat()).collect()
}

fn public(key: &KeyHandle) -> &[u8] {
    key.public_key.as_deref().unwrap_or_default()
}

async fn agree(case: &Case<'_>, key: &KeyHandle, peer: &[u8]) -> Result<SecretBytes, Failure> {
    match case.perform(Operation::Agree(key, peer)).await {
        Ok(Outcome::Plaintext(secret)) => Ok(secret),
        answer => Err(case.failure("the key agrees on a secret", &answer)),
    }
}
