//! Message authentication codes.

use hufu_core::algorithm::Scheme;
use hufu_core::backend::{KeyHandle, Operation};

use super::{Case, Failure};

pub(super) async fn check(case: &Case<'_>, key: &KeyHandle, other: &KeyHandle) -> Result<(), Failure> {
    let len = if case.scheme == Scheme::HmacSha384 { 48 } else { 32 };
    for message in [&b""[..], b"message", &[9; 100_000]] {
        let first = mac(case, key, message).await?;
        case.ensure(first.len() == len, "the code is as long as the hash", &first.len())?;
        case.ensure(first == mac(case, key, message).await?, "the code is deterministic", &first)?;
        case.ensure(first != mac(case, other, message).await?, "another key makes another code", &first)?;
        let mut changed = message.to_vec();
        changed.push(0);
        case.ensure(first != mac(case, key, &changed).await?, "another message has another code", &first)?;
    }
    Ok(())
}

async fn mac(case: &Case<'_>, key: &KeyHandle, message: &[u8]) -> Result<Vec<u8>, Failure> {
    case.bytes("the key authenticates", Operation::Mac(key, message)).await
}
