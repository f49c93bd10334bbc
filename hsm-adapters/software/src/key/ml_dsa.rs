//! Pure ML-DSA (FIPS 204 §5.2) with an empty context, by aws-lc.
//!
//! Signatures are hedged (FIPS 204 §3.4): the library mixes fresh randomness of its own into each, so that a fault in the
//! computation does not give the key away by two different signatures from one nonce.

use aws_lc_rs::signature::{
    KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, SignInput};
use hufu_secret::SecretBytes;

use super::{draw, malformed};
use crate::backend::failed;
use crate::spki;

/// Length in bytes of the seed ξ of all three (FIPS 204 §5.1); the pair is derived from it.
const SEED_LEN: usize = 32;

pub(crate) struct Key {
    pair: PqdsaKeyPair,
    algorithm: Algorithm,
}

/// Makes a pair; the material is its seed.
pub(super) fn generate(algorithm: Algorithm, rng: &dyn Rng) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let seed = draw(rng, SEED_LEN)?;
    let public_key = Key::parse(algorithm, seed.expose())?.public_key()?;
    Ok((seed, public_key))
}

impl Key {
    /// Derives the pair from its seed. Its public key is compared by the caller with the recorded one.
    pub(super) fn parse(algorithm: Algorithm, seed: &[u8]) -> Result<Self, BackendError> {
        let pair = PqdsaKeyPair::from_seed(parameters(algorithm), seed).map_err(|_| malformed())?;
        Ok(Self { pair, algorithm })
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        spki::from_raw(self.algorithm, self.pair.public_key().as_ref())
    }

    pub(super) fn sign(&self, input: SignInput<'_>) -> Result<Vec<u8>, BackendError> {
        let SignInput::Message(message) = input else {
            return Err(BackendError::Unsupported("pure ML-DSA signs messages, not digests".to_owned()));
        };
        let mut signature = vec![0; self.pair.algorithm().signature_len()];
        let signed = self.pair.sign(message, &mut signature);
        signed.map_err(|_| failed("the library refused to sign"))?;
        Ok(signature)
    }
}

fn parameters(algorithm: Algorithm) -> &'static PqdsaSigningAlgorithm {
    match algorithm {
        Algorithm::MlDsa44 => &ML_DSA_44_SIGNING,
        Algorithm::MlDsa65 => &ML_DSA_65_SIGNING,
        _ => &ML_DSA_87_SIGNING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_another_length_are_refused() {
        assert!(Key::parse(Algorithm::MlDsa44, &[1; 31]).is_err());
        assert!(Key::parse(Algorithm::MlDsa44, &[1; 33]).is_err());
        assert!(Key::parse(Algorithm::MlDsa44, &[1; 32]).is_ok());
    }

    /// FIPS 204 §4, table 2; and hedging: two signatures of one message differ.
    #[test]
    fn signatures_have_the_lengths_of_the_standard_and_differ() {
        for (algorithm, len) in [(Algorithm::MlDsa44, 2420), (Algorithm::MlDsa65, 3309), (Algorithm::MlDsa87, 4627)] {
            let key = Key::parse(algorithm, &[7; 32]).unwrap();
            let [one, other] = [(); 2].map(|()| key.sign(SignInput::Message(b"m")).unwrap());
            assert_eq!((one.len(), other.len()), (len, len));
            assert_ne!(one, other, "{algorithm}");
        }
    }
}
