//! A secret, put together from what custodians handed over.

use hufu_core::ambient::Rng;
use hufu_custodian::Name;
use hufu_secret::SecretBytes;
use hufu_shares::{Dealt, Error, Gathering, HandedOver, Manifest, Scheme, SignedManifest, deal, deal_scalar};
use sha2::{Digest as _, Sha256};

use super::wrap;
use crate::points::Answered;
use crate::{Answer, Opening, Recover, Redeal, Refused, Wrong};

/// Most handovers: one for each seat.
const HANDOVERS_MAX: usize = hufu_shares::SEATS_MAX;

/// The secret, and who made it.
struct Together {
    manifest: Manifest,
    secret: SecretBytes,
    by: Vec<Name>,
    wrong: Vec<Wrong>,
}

pub(super) fn recover(task: &Recover, rng: &dyn Rng) -> Result<Answer, Refused> {
    let together = open(&task.opening)?;
    let material = as_key(&together, &task.opening)?;
    let wrapped = wrap::wrap(&task.wrap_to, &material, rng)?;
    Ok(Answer::Recovered { wrapped, by: together.by, wrong: together.wrong })
}

pub(super) fn rehearse(opening: &Opening) -> Result<Answer, Refused> {
    let together = open(opening)?;
    as_key(&together, opening)?;
    Ok(Answer::Rehearsed { by: together.by, wrong: together.wrong })
}

pub(super) fn redeal(task: &Redeal, rng: &dyn Rng) -> Result<Answer, Refused> {
    let together = open(&task.opening)?;
    let dealt = anew(&together, task, rng)?;
    Ok(Answer::Redealt { dealt: dealt.to_bytes(), by: together.by, wrong: together.wrong })
}

fn anew(together: &Together, task: &Redeal, rng: &dyn Rng) -> Result<Dealt, Error> {
    let terms = task.terms.of(together.manifest.subject(), Some(&together.manifest));
    match together.manifest.scheme() {
        Scheme::Shamir { .. } => deal(&terms, &together.secret, rng),
        Scheme::Feldman { curve, .. } => deal_scalar(&terms, *curve, &together.secret, rng),
    }
}

/// Opens what was handed over. Whatever does not belong is left out, with its custodian's name.
fn open(opening: &Opening) -> Result<Together, Refused> {
    let signed = SignedManifest::from_bytes(&opening.manifest)?;
    let manifest = signed.verify(&opening.dealer)?;
    let mut gathering = Gathering::new(&signed, &opening.expected)?;
    if opening.handovers.len() > HANDOVERS_MAX {
        return Err(Refused::Terms("more shares than there can be".to_owned()));
    }
    let with = Answered { key: &opening.target, agreed: &opening.agreed };
    let take = |bytes: &[u8], gathering: &mut Gathering| {
        gathering.take(&HandedOver::from_bytes(bytes)?, &opening.roster, &with, &opening.request)
    };
    let mut wrong = Vec::new();
    for (place, handover) in (0..).zip(&opening.handovers) {
        if let Err(error) = take(handover, &mut gathering) {
            wrong.push(Wrong { place, why: error.to_string() });
        }
    }
    match gathering.combine() {
        Ok(secret) => Ok(Together { manifest: manifest.clone(), secret, by: gathering.holders(), wrong }),
        Err(Error::Missing(missing)) => Err(Refused::Shares(wrong, missing.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// The secret as a key travels, once it is known to be the one on record. A scalar was compared with its public key when it was
/// combined, bytes with what the dealer committed to; whose public key the manifest says that is, is compared here.
fn as_key(together: &Together, opening: &Opening) -> Result<SecretBytes, Refused> {
    let named = together.manifest.subject().public_key;
    let found = opening.public_key.as_deref().map(|spki| <[u8; 32]>::from(Sha256::digest(spki)));
    if named != found {
        return Err(Refused::OtherKey);
    }
    match together.manifest.scheme() {
        Scheme::Feldman { curve, .. } => wrap::of_scalar(*curve, &together.secret, opening.public_key.as_deref()),
        Scheme::Shamir { .. } => {
            let derived = hufu_transport::public_key_of(&together.secret).filter(|_| named.is_some());
            if derived.is_some() && derived != opening.public_key {
                return Err(Refused::OtherKey);
            }
            Ok(SecretBytes::from_slice(together.secret.expose()))
        }
    }
}
