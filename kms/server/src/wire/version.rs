//! Key versions on the wire.

use hufu_core::Error;
use hufu_core::record::{Attestation, VersionRecord};
use hufu_core::revocation::Revocation;
use hufu_engine::api::{Change, DESTROY_DELAY_MS_MAX, Version, VersionChange, VersionDetail};
use hufu_proto::v1;

use super::enums::Wire as _;
use super::time::{from_duration, optional_timestamp, timestamp};
use super::{etag, invalid, missing, name};

/// A version as lists and changes show it.
#[must_use]
pub fn detail(detail: &VersionDetail) -> v1::KeyVersion {
    version(&detail.version, detail.quarantined)
}

/// A version as read alone, with the vendor's statement; lists would grow too long with it.
#[must_use]
pub fn with_statement(of: &VersionDetail) -> v1::KeyVersion {
    let known = &of.version.record.attestation;
    let statement = known.statement().unwrap_or_default().to_vec();
    v1::KeyVersion { attestation: Some(v1::Attestation { statement, ..attestation(known) }), ..detail(of) }
}

/// A version as the wire shows it.
#[must_use]
pub fn version(version: &Version, quarantined: bool) -> v1::KeyVersion {
    let record = &*version.record;
    v1::KeyVersion {
        name: record.name().to_string(),
        state: record.state.to_wire(),
        protection: record.protection.to_wire(),
        attestation: Some(attestation(&record.attestation)),
        algorithm: record.algorithm.to_wire(),
        scheme: record.scheme.to_wire(),
        create_time: Some(timestamp(record.created_at)),
        activate_time: optional_timestamp(record.activated_at),
        deactivate_time: optional_timestamp(record.deactivated_at),
        revocation: record.revocation.as_ref().map(revocation),
        scheduled_destroy_time: optional_timestamp(record.destroy_at),
        destroy_time: optional_timestamp(record.destroyed_at),
        ledger_key_id: hex::encode(record.ledger_id),
        etag: etag::etag(version.revision),
        quarantined,
        origin: record.origin.to_wire(),
        share_set: record
            .share_set
            .map(|set| format!("tenants/{}/shareSets/{}", record.tenant, hex::encode(set)))
            .unwrap_or_default(),
        unconfirmed_holders: record.unconfirmed.clone().unwrap_or_default(),
    }
}

fn revocation(revocation: &Revocation) -> v1::Revocation {
    v1::Revocation {
        reason: revocation.reason.to_wire(),
        revoke_time: Some(timestamp(revocation.revoked_at)),
        compromise_time: optional_timestamp(revocation.compromised_at),
    }
}

fn attestation(attestation: &Attestation) -> v1::Attestation {
    let shared: String;
    let (kind, token_serial, detail, vendor) = match attestation {
        Attestation::Holders { threshold, holders, .. } => {
            shared = format!("made among {holders} holders, of whom {threshold} sign together");
            (v1::AttestationKind::Holders, "", shared.as_str(), "")
        }
        Attestation::Split { threshold, shares } => {
            shared = format!("split among {shares} custodians, of whom {threshold} can put it together");
            (v1::AttestationKind::Split, "", shared.as_str(), "")
        }
        Attestation::Software => {
            (v1::AttestationKind::Software, "", "material wrapped at rest by the tenant's key", "")
        }
        Attestation::DriverAsserted { serial, simulated: true, model } => {
            (v1::AttestationKind::Simulated, serial.as_str(), model.as_str(), "")
        }
        Attestation::DriverAsserted { serial, simulated: false, model } => {
            (v1::AttestationKind::DriverAsserted, serial.as_str(), model.as_str(), "")
        }
        Attestation::VendorAttested { serial, model, vendor, .. } => {
            (v1::AttestationKind::VendorAttested, serial.as_str(), model.as_str(), vendor.as_str())
        }
    };
    v1::Attestation {
        kind: kind.into(),
        token_serial: token_serial.to_owned(),
        simulated: attestation.is_simulated(),
        detail: detail.to_owned(),
        vendor: vendor.to_owned(),
        statement: Vec::new(),
    }
}

/// What every answer of a use says of the version that gave it.
pub(crate) struct Provenance {
    pub(crate) key_version: String,
    pub(crate) scheme: i32,
    pub(crate) protection: i32,
    pub(crate) simulated: bool,
}

impl Provenance {
    pub(crate) fn of(version: &Version) -> Self {
        let record: &VersionRecord = &version.record;
        Self {
            key_version: record.name().to_string(),
            scheme: record.scheme.to_wire(),
            protection: record.protection.to_wire(),
            simulated: record.attestation.is_simulated(),
        }
    }
}

/// Reads a change of a version's state.
///
/// # Errors
/// Names and etags that are malformed, by field.
pub fn change(version_name: &str, tag: &str, change: Change) -> Result<VersionChange, Error> {
    Ok(VersionChange { name: name::version(version_name, "name")?, etag: etag::revision(tag, "etag")?, change })
}

/// Reads the delay of a destruction.
///
/// # Errors
/// `MISSING_FIELD` without one, `INVALID_ARGUMENT` when negative or longer than 365 days.
pub fn destroy_delay(delay: Option<prost_types::Duration>) -> Result<Change, Error> {
    let after_ms = from_duration(delay.ok_or_else(|| missing("delay"))?, "delay")?;
    if after_ms > DESTROY_DELAY_MS_MAX {
        return Err(invalid("delay", "the delay is at most 365 days"));
    }
    Ok(Change::ScheduleDestroy { after_ms })
}

#[cfg(test)]
mod tests {
    use hufu_core::Reason;
    use prost_types::Duration;

    use super::*;

    #[test]
    fn delays_are_bounded() {
        let delay = |seconds| destroy_delay(Some(Duration { seconds, nanos: 0 }));
        assert_eq!(delay(0).unwrap(), Change::ScheduleDestroy { after_ms: 0 });
        assert!(delay(365 * 86_400).is_ok());
        assert_eq!(delay(365 * 86_400 + 1).unwrap_err().at_field(), Some("delay"));
        assert_eq!(delay(-1).unwrap_err().at_field(), Some("delay"));
        assert_eq!(destroy_delay(None).unwrap_err().reason(), Reason::MissingField);
    }

    #[test]
    fn simulated_tokens_are_marked() {
        let told = |simulated| {
            attestation(&Attestation::DriverAsserted { serial: "5".into(), simulated, model: "m".into() })
        };
        assert_eq!(told(true).kind(), v1::AttestationKind::Simulated);
        assert!(told(true).simulated && !told(false).simulated);
        assert_eq!(told(false).kind(), v1::AttestationKind::DriverAsserted);
        assert_eq!(attestation(&Attestation::Software).kind(), v1::AttestationKind::Software);
    }

    #[test]
    fn vendors_are_named() {
        let told = attestation(&Attestation::VendorAttested {
            serial: "521174".into(),
            model: "Luna K7".into(),
            vendor: "Thales".into(),
            statement: [1, 2].into(),
        });
        assert_eq!((told.kind(), told.vendor.as_str()), (v1::AttestationKind::VendorAttested, "Thales"));
        assert!(!told.simulated && told.statement.is_empty(), "lists go without the statement");
    }
}
