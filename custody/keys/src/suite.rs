//! Which keys a custodian has.

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_custodian::{SealingAlgorithm, SigningAlgorithm};

/// The algorithms of a custodian's two keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suite {
    /// ECDSA and HPKE on P-256: what every token knows.
    P256,
    /// Ed25519 and HPKE on X25519.
    Curve25519,
    /// SM2 signatures and SM2 encryption.
    Sm2,
}

/// Which of a custodian's keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Signing,
    Sealing,
}

impl Suite {
    pub(crate) fn algorithm(self, part: Part) -> Algorithm {
        match (self, part) {
            (Self::P256, _) => Algorithm::P256,
            (Self::Curve25519, Part::Signing) => Algorithm::Ed25519,
            (Self::Curve25519, Part::Sealing) => Algorithm::X25519,
            (Self::Sm2, _) => Algorithm::Sm2,
        }
    }
}

impl Part {
    pub(crate) fn purpose(self) -> Purpose {
        match self {
            Self::Signing => Purpose::Sign,
            Self::Sealing => Purpose::Agree,
        }
    }

    pub(crate) fn scheme(self, algorithm: Algorithm) -> Scheme {
        match (self, algorithm) {
            (Self::Sealing, _) => Scheme::Ecdh,
            (Self::Signing, Algorithm::Ed25519) => Scheme::Ed25519,
            (Self::Signing, Algorithm::Sm2) => Scheme::Sm2Sm3,
            (Self::Signing, _) => Scheme::EcdsaSha256,
        }
    }
}

pub(crate) fn of_signing(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::P256 => Algorithm::P256,
        SigningAlgorithm::Ed25519 => Algorithm::Ed25519,
        SigningAlgorithm::Sm2 => Algorithm::Sm2,
    }
}

pub(crate) fn of_sealing(algorithm: SealingAlgorithm) -> Algorithm {
    match algorithm {
        SealingAlgorithm::P256 => Algorithm::P256,
        SealingAlgorithm::X25519 => Algorithm::X25519,
        SealingAlgorithm::Sm2 => Algorithm::Sm2,
    }
}
