//! Public areas of the keys that are made.

use tss_esapi::Error;
use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::structures::{
    EccPoint, EccScheme, HashScheme, KeyDerivationFunctionScheme, Public, PublicBuilder, PublicEccParameters,
    PublicEccParametersBuilder, SymmetricDefinitionObject,
};

use hufu_core::algorithm::Algorithm;

/// What kind of key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// The parent of all others: it decrypts what the TPM itself wrapped, and nothing else.
    Storage,
    /// Certifies other keys: it signs what the TPM itself says, and nothing else.
    Certifying,
    /// A key of ours.
    Signing(Curve),
}

/// A curve with its signature scheme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Curve {
    /// ECDSA on NIST P-256 with SHA-256.
    P256,
    /// SM2 on its recommended curve. The hash that the TPM notes is without effect: it is given e.
    Sm2,
}

impl Curve {
    /// The curve of an algorithm, if a TPM has it.
    pub(crate) fn of(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::P256 => Some(Self::P256),
            Algorithm::Sm2 => Some(Self::Sm2),
            _ => None,
        }
    }

    fn scheme(self) -> EccScheme {
        let hash = HashScheme::new(HashingAlgorithm::Sha256);
        match self {
            Self::P256 => EccScheme::EcDsa(hash),
            Self::Sm2 => EccScheme::Sm2(hash),
        }
    }
}

/// The public area of a new key. All are fixed to the TPM and their parent and made on the TPM.
pub(crate) fn public(role: Role) -> Result<Public, Error> {
    let (decrypts, restricted) = (role == Role::Storage, !matches!(role, Role::Signing(_)));
    // The authorization value of our keys is guarded against guessing; the others have none that could be guessed.
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(restricted)
        .with_restricted(restricted)
        .with_decrypt(decrypts)
        .with_sign_encrypt(!decrypts)
        .build()?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters(role)?)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
}

fn parameters(role: Role) -> Result<PublicEccParameters, Error> {
    let builder = PublicEccParametersBuilder::new()
        .with_key_derivation_function_scheme(KeyDerivationFunctionScheme::Null)
        .with_is_decryption_key(role == Role::Storage)
        .with_is_signing_key(role != Role::Storage)
        .with_restricted(!matches!(role, Role::Signing(_)));
    match role {
        Role::Storage => builder
            .with_curve(EccCurve::NistP256)
            .with_ecc_scheme(EccScheme::Null)
            .with_symmetric(SymmetricDefinitionObject::AES_128_CFB),
        Role::Certifying => builder.with_curve(EccCurve::NistP256).with_ecc_scheme(Curve::P256.scheme()),
        Role::Signing(curve) => {
            let named = if curve == Curve::P256 { EccCurve::NistP256 } else { EccCurve::Sm2P256 };
            builder.with_curve(named).with_ecc_scheme(curve.scheme())
        }
    }
    .build()
}
