//! A mandate to make a key.

use ed25519_dalek::Signer;
use hufu_frost::{GenerationMandate, SignedGenerationMandate, Suite, Threshold};

use super::field::{NOW_MS, key, requester};

pub(crate) fn mandate() -> GenerationMandate {
    GenerationMandate {
        deployment: "deployment".into(),
        key: key(),
        suite: Suite::Ed25519,
        threshold: Threshold::new(2, 3).unwrap(),
        holders: ["north", "east", "south"].map(String::from).into(),
        expires_at_ms: NOW_MS + 60_000,
        requester: "wallet".into(),
        seed: [3; 32],
    }
}

pub(crate) fn signed(mandate: GenerationMandate) -> SignedGenerationMandate {
    let signature = requester().sign(&mandate.to_be_signed().unwrap()).to_bytes().to_vec();
    SignedGenerationMandate::new(mandate, signature).unwrap()
}
