//! Public areas of the keys that are made.

use tss_esapi::Error;
use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::structures::{
    EccPoint, EccScheme, HashScheme, KeyDerivationFunctionScheme, Public, PublicBuilder, PublicEccParameters,
    PublicEccParametersBuilder, SymmetricDefinitionObject,
};

use hufu_core::algorithm::{Algorithm, Purpose};

/// What kind of key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// The parent of all others: it decrypts what the TPM itself wrapped, and nothing else.
    Storage,
    /// Certifies other keys: it signs what the TPM itself says, and nothing else.
    Certifying,
    /// A key of ours that signs.
    Signing(Curve),
    /// A key of ours that agrees on shared secrets on P-256, and does nothing else.
    Agreeing,
    /// As [`Role::Agreeing`], to be tried and thrown away. It is not guarded against guessing, so that a TPM that is locked for
    /// the moment does not look like one that cannot agree.
    Trial,
}

impl Role {
    /// What a key of ours for that use is, if a TPM has it.
    pub(crate) fn of(algorithm: Algorithm, purpose: Purpose) -> Option<Self> {
        match (algorithm, purpose) {
            (Algorithm::P256, Purpose::Sign) => Some(Self::Signing(Curve::P256)),
            (Algorithm::Sm2, Purpose::Sign) => Some(Self::Signing(Curve::Sm2)),
            (Algorithm::P256, Purpose::Agree) => Some(Self::Agreeing),
            _ => None,
        }
    }

    fn decrypts(self) -> bool {
        matches!(self, Self::Storage | Self::Agreeing | Self::Trial)
    }

    fn is_restricted(self) -> bool {
        matches!(self, Self::Storage | Self::Certifying)
    }
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
    let (decrypts, restricted) = (role.decrypts(), role.is_restricted());
    // The authorization value of our keys is guarded against guessing; the others have none that could be guessed.
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(restricted || role == Role::Trial)
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
        .with_is_decryption_key(role.decrypts())
        .with_is_signing_key(!role.decrypts())
        .with_restricted(role.is_restricted());
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
        // The hash is of a key derivation that TPM2_ECDH_ZGen leaves to the caller.
        Role::Agreeing | Role::Trial => {
            let scheme = EccScheme::EcDh(HashScheme::new(HashingAlgorithm::Sha256));
            builder.with_curve(EccCurve::NistP256).with_ecc_scheme(scheme)
        }
    }
    .build()
}

#[cfg(test)]
mod tests {
    use tss_esapi::traits::Marshall as _;

    use super::*;

    /// The storage root key follows from the TPM's seed and this public area alone: another one, and no stored key loads any
    /// more. Keys are loaded with the public area that is stored with them.
    #[test]
    fn public_areas_are_those_of_earlier_releases() {
        for (role, area) in [
            (Role::Storage, "0023000b00030472000000060080004300100003001000000000"),
            (Role::Certifying, "0023000b00050472000000100018000b0003001000000000"),
            (Role::Signing(Curve::P256), "0023000b00040072000000100018000b0003001000000000"),
            (Role::Signing(Curve::Sm2), "0023000b0004007200000010001b000b0020001000000000"),
            (Role::Agreeing, "0023000b00020072000000100019000b0003001000000000"),
        ] {
            assert_eq!(hex::encode(public(role).unwrap().marshall().unwrap()), area, "{role:?}");
        }
    }
}
