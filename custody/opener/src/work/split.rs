//! A new key, split.

use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::Rng;
use hufu_secret::SecretBytes;
use hufu_shares::{Curve, Dealt, Subject, Terms, deal, deal_scalar};
use hufu_transport::Pair;
use sha2::{Digest as _, Sha256};

use super::{Make, wrap};
use crate::{Answer, Refused, Split};

pub(super) fn split(task: &Split, make: Make, rng: &dyn Rng) -> Result<Answer, Refused> {
    let (material, public_key) = make(task.algorithm, rng).map_err(|error| Refused::Failed(error.to_string()))?;
    let fingerprint = public_key.as_deref().map(|spki| Sha256::digest(spki).into());
    let subject = Subject { name: task.subject.clone(), public_key: fingerprint };
    let dealt = deal_out(&task.terms.of(&subject, None), task.algorithm, &material, rng)?;
    let wrapped = task.wrap_to.as_ref().map(|to| wrap::wrap(to, &material, rng)).transpose()?;
    Ok(Answer::Split { public_key, dealt: dealt.to_bytes(), wrapped })
}

/// Scalars where custodians can verify each share against the public key; else the bytes.
fn deal_out(
    terms: &Terms<'_>,
    algorithm: Algorithm,
    material: &SecretBytes,
    rng: &dyn Rng,
) -> Result<Dealt, Refused> {
    let curve = match algorithm {
        Algorithm::P256 => Curve::P256,
        Algorithm::Sm2 => Curve::Sm2,
        _ => return Ok(deal(terms, material, rng)?),
    };
    let scalar = hufu_transport::from_pkcs8(Pair::Ec(wrap::travelling(curve)), material)
        .map_err(|error| Refused::Failed(error.to_string()))?;
    Ok(deal_scalar(terms, curve, &scalar, rng)?)
}
