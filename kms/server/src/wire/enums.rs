//! Enumerations, both ways. Unknown numbers are refused; `UNSPECIFIED` is refused or means a default, as the field says.

use hufu_core::Error;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::policy::Action;
use hufu_core::record::{Exit, ImportState, KeyState, Origin, Protection, RootState};
use hufu_core::revocation::RevocationReason;
use hufu_engine::api::{Change, Kdf, OutcomeKind, SignatureFormat};
use hufu_proto::v1;

use super::{invalid, missing};

/// An enumeration of the engine and its twin on the wire.
pub trait Wire: Copy + Sized + 'static {
    /// The generated enum.
    type Proto: TryFrom<i32> + Copy + PartialEq + Into<i32> + 'static;
    /// Every pair.
    const PAIRS: &'static [(Self, Self::Proto)];
    /// The number on the wire.
    fn to_wire(self) -> i32;

    /// Reads an optional value: 0 means that it is not given.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a number that this release does not know.
    fn optional(number: i32, field: &'static str) -> Result<Option<Self>, Error> {
        if number == 0 {
            return Ok(None);
        }
        let pair = Self::PAIRS.iter().find(|(_, proto)| (*proto).into() == number);
        let unknown = || invalid(field, format!("`{field}` has the unknown value {number}"));
        pair.map(|(ours, _)| Some(*ours)).ok_or_else(unknown)
    }

    /// Reads a required value.
    ///
    /// # Errors
    /// `MISSING_FIELD` for 0, `INVALID_ARGUMENT` for a number that this release does not know.
    fn required(number: i32, field: &'static str) -> Result<Self, Error> {
        Self::optional(number, field)?.ok_or_else(|| missing(field))
    }
}

macro_rules! wire {
    ($ours:ty, $proto:ty, { $($ours_variant:ident => $proto_variant:ident,)* }) => {
        impl Wire for $ours {
            type Proto = $proto;
            const PAIRS: &'static [(Self, Self::Proto)] =
                &[$((<$ours>::$ours_variant, <$proto>::$proto_variant),)*];

            fn to_wire(self) -> i32 {
                match self { $(Self::$ours_variant => <$proto>::$proto_variant as i32,)* }
            }
        }
    };
}

wire!(Algorithm, v1::Algorithm, {
    P256 => P256,
    P384 => P384,
    Secp256k1 => Secp256k1,
    Ed25519 => Ed25519,
    Rsa3072 => Rsa3072,
    Sm2 => Sm2,
    Aes256Gcm => Aes256Gcm,
    Sm4Gcm => Sm4Gcm,
    HmacSha256 => HmacSha256,
    HmacSm3 => HmacSm3,
    MlDsa44 => MlDsa44,
    MlDsa65 => MlDsa65,
    MlDsa87 => MlDsa87,
    MlKem768 => MlKem768,
    Rsa2048 => Rsa2048,
    Rsa4096 => Rsa4096,
    Aes128Gcm => Aes128Gcm,
    HmacSha384 => HmacSha384,
    X25519 => X25519,
    Aes256Kwp => Aes256Kwp,
});

wire!(Scheme, v1::Scheme, {
    EcdsaSha256 => EcdsaSha256,
    EcdsaSha384 => EcdsaSha384,
    Ed25519 => Ed25519,
    Sm2Sm3 => Sm2Sm3,
    RsaPssSha256 => RsaPssSha256,
    RsaPkcs1Sha256 => RsaPkcs1Sha256,
    RsaOaepSha256 => RsaOaepSha256,
    AesGcm => AesGcm,
    Sm4Gcm => Sm4Gcm,
    HmacSha256 => HmacSha256,
    HmacSm3 => HmacSm3,
    MlDsa => MlDsa,
    MlKem => MlKem,
    HmacSha384 => HmacSha384,
    Ecdh => Ecdh,
    AesKwp => AesKwp,
    RsaAesKwp => RsaAesKwp,
    RsaAesKwpSha1 => RsaAesKwpSha1,
    SchnorrBip340 => SchnorrBip340,
});

wire!(Purpose, v1::Purpose, {
    Sign => Sign,
    Encrypt => Encrypt,
    Mac => Mac,
    Encapsulate => Encapsulate,
    Agree => Agree,
    Wrap => Wrap,
    Import => Import,
});

wire!(Kdf, v1::Kdf, { HkdfSha256 => HkdfSha256, X963Sha256 => X963Sha256, X963Sm3 => X963Sm3, });

wire!(Protection, v1::Protection, { Software => Software, Hsm => Hsm, Threshold => Threshold, });

wire!(Exit, v1::Exit, { Never => Never, Replicable => Replicable, Exportable => Exportable, });

wire!(Origin, v1::Origin, { Generated => Generated, Imported => Imported, Unwrapped => Unwrapped, Split => Split, Recovered => Recovered, });

wire!(ImportState, v1::ImportJobState, { Open => Open, Done => Done, Failed => Failed, Expired => Expired, });

wire!(KeyState, v1::KeyState, {
    PreActive => PreActive,
    Active => Active,
    Suspended => Suspended,
    Deactivated => Deactivated,
    Compromised => Compromised,
    Destroying => Destroying,
    Destroyed => Destroyed,
});

wire!(RootState, v1::RootState, {
    Making => Making,
    Active => Active,
    Retiring => Retiring,
    Retired => Retired,
    Destroying => Destroying,
    Destroyed => Destroyed,
});

wire!(RevocationReason, v1::RevocationReason, {
    Unspecified => Unspecified,
    KeyCompromise => KeyCompromise,
    CaCompromise => CaCompromise,
    AffiliationChanged => AffiliationChanged,
    Superseded => Superseded,
    CessationOfOperation => CessationOfOperation,
    PrivilegeWithdrawn => PrivilegeWithdrawn,
    AaCompromise => AaCompromise,
});

wire!(SignatureFormat, v1::SignatureFormat, { Der => Der, Raw => Raw, });

wire!(OutcomeKind, v1::AuditOutcome, { Done => Allowed, Refused => Refused, Failed => Failed, });

/// What a revocation asks for: a hold is a suspension, everything else is for good.
///
/// # Errors
/// `MISSING_FIELD` without a reason, `INVALID_ARGUMENT` for an unknown one, or for a compromise time beside a reason
/// that is no compromise.
pub fn revocation(number: i32, compromised_at: Option<u64>) -> Result<Change, Error> {
    let hold = number == v1::RevocationReason::CertificateHold as i32;
    let reason = match hold {
        true => None,
        false => Some(RevocationReason::required(number, "reason")?),
    };
    if compromised_at.is_some() && !reason.is_some_and(RevocationReason::is_compromise) {
        return Err(invalid("compromise_time", "a compromise time goes only with a reason of compromise"));
    }
    Ok(match reason {
        None => Change::Suspend,
        Some(reason) => Change::Revoke { reason, compromised_at },
    })
}

/// The operations as the audit names them on the wire: the method for callers, the service's own name for the rest.
const OPERATIONS: &[(Action, &str)] = &[
    (Action::CreateKey, "CreateKey"),
    (Action::GetKey, "GetKey"),
    (Action::ListKeys, "ListKeys"),
    (Action::UpdateKey, "UpdateKey"),
    (Action::RotateKey, "RotateKey"),
    (Action::ActivateVersion, "ActivateKeyVersion"),
    (Action::SuspendVersion, "SuspendKeyVersion"),
    (Action::ResumeVersion, "ResumeKeyVersion"),
    (Action::RevokeVersion, "RevokeKeyVersion"),
    (Action::ScheduleDestroy, "ScheduleDestroyKeyVersion"),
    (Action::CancelDestroy, "CancelDestroyKeyVersion"),
    (Action::GetPublicKey, "GetPublicKey"),
    (Action::CreateImportJob, "CreateImportJob"),
    (Action::ImportKey, "ImportKey"),
    (Action::WrapKey, "WrapKey"),
    (Action::UnwrapKey, "UnwrapKey"),
    (Action::ExportKey, "ExportKey"),
    (Action::Sign, "Sign"),
    (Action::Verify, "Verify"),
    (Action::Encrypt, "Encrypt"),
    (Action::Decrypt, "Decrypt"),
    (Action::GenerateDataKey, "GenerateDataKey"),
    (Action::Mac, "Mac"),
    (Action::VerifyMac, "VerifyMac"),
    (Action::GenerateRandom, "GenerateRandom"),
    (Action::Encapsulate, "Encapsulate"),
    (Action::Decapsulate, "Decapsulate"),
    (Action::DeriveSharedSecret, "DeriveSharedSecret"),
    (Action::ReadLedger, "ReadLedger"),
    (Action::ReadAudit, "ReadAudit"),
    (Action::ReadStatus, "GetStatus"),
    (Action::RotateTenantKey, "RotateTenantKey"),
    (Action::ReadTenantKey, "GetTenantKey"),
    (Action::ProposeCeremony, "CreateCeremony"),
    (Action::ReadCeremony, "GetCeremony"),
    (Action::DecideCeremony, "ApproveCeremony"),
    (Action::ExecuteCeremony, "ExecuteCeremony"),
    (Action::ReadShareSet, "GetShareSet"),
    (Action::CarryShare, "FetchShare"),
    (Action::CreateDeposit, "CreateDeposit"),
    (Action::ReadDeposit, "GetDeposit"),
    (Action::DeleteDeposit, "DeleteDeposit"),
    (Action::RecoverDeposit, "FetchHandovers"),
];

/// The operation's name in an audit record.
#[must_use]
pub fn operation(action: Action) -> &'static str {
    OPERATIONS.iter().find(|(known, _)| *known == action).map_or(action.name(), |(_, name)| name)
}

/// The action of that operation.
///
/// # Errors
/// `INVALID_ARGUMENT` for a name that no operation has.
pub fn action(name: &str, field: &'static str) -> Result<Action, Error> {
    let found = Action::ALL.iter().find(|action| operation(**action) == name);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = Action::ALL.iter().map(|action| operation(*action)).collect();
        invalid(field, format!("there is no operation of that name; there are {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    /// Every number of the wire: known ones map to one value and back, the others are refused.
    fn check<E: Wire + PartialEq + Debug>(unmapped: &[i32]) {
        for number in -1..=300 {
            let known = E::Proto::try_from(number).is_ok() && number != 0 && !unmapped.contains(&number);
            match E::optional(number, "field") {
                Ok(Some(value)) => assert!(known && value.to_wire() == number, "{number}: {value:?}"),
                Ok(None) => assert_eq!(number, 0),
                Err(error) => {
                    assert!(!known, "{number}");
                    assert_eq!(error.at_field(), Some("field"));
                    assert_eq!(error.reason(), hufu_core::Reason::InvalidArgument);
                }
            }
        }
        assert_eq!(E::required(0, "field").unwrap_err().reason(), hufu_core::Reason::MissingField);
        for (ours, proto) in E::PAIRS {
            assert_eq!(ours.to_wire(), (*proto).into());
        }
    }

    #[test]
    fn every_enum_maps_both_ways_and_refuses_the_unknown() {
        check::<Algorithm>(&[]);
        check::<Scheme>(&[]);
        check::<Purpose>(&[]);
        check::<Kdf>(&[]);
        check::<Protection>(&[]);
        check::<Exit>(&[]);
        check::<Origin>(&[]);
        check::<ImportState>(&[]);
        check::<KeyState>(&[]);
        check::<RootState>(&[]);
        check::<RevocationReason>(&[v1::RevocationReason::CertificateHold as i32]);
        check::<SignatureFormat>(&[]);
        check::<OutcomeKind>(&[]);
    }

    #[test]
    fn revocation_numbers_are_those_of_the_crl_reasons() {
        for (reason, proto) in RevocationReason::PAIRS {
            assert_eq!(i32::from(reason.code()), *proto as i32);
        }
    }

    #[test]
    fn a_hold_suspends_and_a_compromise_time_needs_a_compromise() {
        assert_eq!(revocation(6, None).unwrap(), Change::Suspend);
        assert_eq!(revocation(6, Some(1)).unwrap_err().at_field(), Some("compromise_time"));
        assert_eq!(revocation(4, Some(1)).unwrap_err().at_field(), Some("compromise_time"));
        let change = Change::Revoke { reason: RevocationReason::KeyCompromise, compromised_at: Some(1) };
        assert_eq!(revocation(1, Some(1)).unwrap(), change);
        assert!(revocation(0, None).is_err() && revocation(7, None).is_err() && revocation(8, None).is_err());
    }

    #[test]
    fn operations_read_back() {
        for known in Action::ALL {
            assert_eq!(action(operation(*known), "operation").unwrap(), *known);
        }
        assert!(action("", "operation").is_err() && action("sign", "operation").is_err());
    }
}
