//! Keys on the wire.

use std::collections::BTreeSet;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::name::KeyId;
use hufu_core::record::{Exit, Protection, Sharing};
use hufu_core::{Error, Reason};
use hufu_engine::api::{CreateKey, KeyDetail, PublicKeyView, ROTATION_PERIOD_MS};
use hufu_proto::v1;

use super::enums::Wire;
use super::time::{duration, from_duration, timestamp};
use super::version::Provenance;
use super::{etag, invalid, missing, name, pem, version};

/// Longest mandate to generate, in bytes.
pub(crate) const GENERATION_MANDATE_LEN_MAX: usize = 4 << 10;
/// Most members of a sharing.
const SHARES_MAX: u8 = 64;

/// A key as the wire shows it.
#[must_use]
pub fn detail(detail: &KeyDetail) -> v1::Key {
    let record = &*detail.key.record;
    let name = record.name();
    v1::Key {
        name: name.to_string(),
        algorithm: record.algorithm.to_wire(),
        scheme: record.scheme.to_wire(),
        purpose: record.purpose.to_wire(),
        protection: record.protection.to_wire(),
        digest_allowed: record.digest_allowed,
        labels: record.labels.clone().into_iter().collect(),
        description: record.description.clone(),
        primary_version: record.primary.map(|number| name.version(number).to_string()).unwrap_or_default(),
        latest_version: Some(version::version(&detail.latest, detail.quarantined)),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
        etag: etag::etag(detail.key.revision),
        sm2_distinguishing_id: record.distinguishing_id.clone().unwrap_or_default(),
        rotation_period: record.rotation_period_ms.map(duration),
        exit: record.exit.to_wire(),
        sharing: record.sharing.as_ref().map(sharing),
    }
}

/// Reads what a new key shall be.
///
/// # Errors
/// The field at fault: missing, malformed or unknown.
pub fn create(request: v1::CreateKeyRequest) -> Result<CreateKey, Error> {
    let mandate = mandate(request.mandate, GENERATION_MANDATE_LEN_MAX)?;
    Ok(CreateKey { mandate, ..to_be(&request.parent, &request.key_id, request.key, !request.pre_active)? })
}

/// What a requester signed for holders, where there is something.
pub(crate) fn mandate(bytes: Vec<u8>, len_max: usize) -> Result<Option<Vec<u8>>, Error> {
    if bytes.len() > len_max {
        return Err(Error::new(Reason::TooLarge, format!("a mandate has at most {len_max} bytes")).field("mandate"));
    }
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}

fn sharing(sharing: &Sharing) -> v1::Sharing {
    v1::Sharing { threshold: u32::from(sharing.threshold), members: sharing.members.clone() }
}

fn read_sharing(sharing: v1::Sharing) -> Result<Sharing, Error> {
    let v1::Sharing { threshold, members } = sharing;
    let distinct = members.iter().collect::<BTreeSet<_>>().len() == members.len();
    let count = u8::try_from(members.len()).ok().filter(|count| *count <= SHARES_MAX && distinct);
    let threshold =
        u8::try_from(threshold).ok().filter(|threshold| *threshold > 0 && count.is_some_and(|n| *threshold <= n));
    let why = "1 to 64 distinct members, and a threshold from 1 to their number";
    let threshold = threshold.ok_or_else(|| invalid("key.sharing", why))?;
    Ok(Sharing { threshold, members })
}

/// What a key shall be that is created or comes in.
pub(super) fn to_be(parent: &str, key_id: &str, key: Option<v1::Key>, activate: bool) -> Result<CreateKey, Error> {
    let (tenant, id) = (name::tenant(parent, "parent")?, new_id(key_id)?);
    let key = key.ok_or_else(|| missing("key"))?;
    Ok(CreateKey {
        tenant,
        key: id,
        algorithm: Algorithm::required(key.algorithm, "key.algorithm")?,
        purpose: Purpose::optional(key.purpose, "key.purpose")?,
        scheme: Scheme::optional(key.scheme, "key.scheme")?,
        protection: Protection::required(key.protection, "key.protection")?,
        digest_allowed: key.digest_allowed,
        labels: key.labels.into_iter().collect(),
        description: key.description,
        activate,
        distinguishing_id: Some(key.sm2_distinguishing_id).filter(|id| !id.is_empty()),
        rotation_period_ms: rotation_period(key.rotation_period)?,
        exit: Exit::optional(key.exit, "key.exit")?.unwrap_or_default(),
        sharing: key.sharing.map(read_sharing).transpose()?,
        mandate: None,
    })
}

/// Reads the id of a new key.
pub(super) fn new_id(key_id: &str) -> Result<KeyId, Error> {
    if key_id.is_empty() {
        return Err(missing("key_id"));
    }
    KeyId::parse(key_id).map_err(|error| error.field("key_id"))
}

/// Reads a rotation period: whole seconds, from one hour to 3660 days.
pub(crate) fn rotation_period(period: Option<prost_types::Duration>) -> Result<Option<u64>, Error> {
    const FIELD: &str = "key.rotation_period";
    let Some(period) = period else { return Ok(None) };
    if period.nanos != 0 {
        return Err(invalid(FIELD, "a rotation period is in whole seconds"));
    }
    match from_duration(period, FIELD)? {
        ms if ROTATION_PERIOD_MS.contains(&ms) => Ok(Some(ms)),
        _ => Err(invalid(FIELD, "a rotation period lies between one hour and 3660 days")),
    }
}

/// A public key as the wire shows it.
#[must_use]
pub fn public_key(view: PublicKeyView) -> v1::PublicKey {
    let record = &view.version.record;
    let Provenance { key_version, scheme, protection, simulated } = Provenance::of(&view.version);
    v1::PublicKey {
        key_version,
        pem: pem::public_key(&view.spki),
        ledger_key_id: hex::encode(record.ledger_id),
        algorithm: record.algorithm.to_wire(),
        scheme,
        protection,
        simulated,
        spki_der: view.spki,
    }
}

#[cfg(test)]
mod tests {
    use hufu_core::Reason;
    use prost_types::Duration;

    use super::*;

    fn request() -> v1::CreateKeyRequest {
        let key = v1::Key {
            algorithm: v1::Algorithm::P256.into(),
            protection: v1::Protection::Hsm.into(),
            ..Default::default()
        };
        v1::CreateKeyRequest {
            parent: "tenants/dev".into(),
            key_id: "a".into(),
            key: Some(key),
            ..Default::default()
        }
    }

    #[test]
    fn a_plain_request_is_read() {
        let create = create(request()).unwrap();
        assert_eq!((create.algorithm, create.protection), (Algorithm::P256, Protection::Hsm));
        assert!(create.activate && create.purpose.is_none() && create.scheme.is_none());
        assert_eq!(create.distinguishing_id, None);
    }

    #[test]
    fn every_fault_names_its_field() {
        type Spoil = fn(&mut v1::CreateKeyRequest);
        let table: &[(Spoil, &str, Reason)] = &[
            (|r| r.parent.clear(), "parent", Reason::MissingField),
            (|r| r.parent = "tenants/X".into(), "parent", Reason::InvalidName),
            (|r| r.key_id.clear(), "key_id", Reason::MissingField),
            (|r| r.key_id = "A".into(), "key_id", Reason::InvalidName),
            (|r| r.key = None, "key", Reason::MissingField),
            (|r| r.key.as_mut().unwrap().algorithm = 0, "key.algorithm", Reason::MissingField),
            (|r| r.key.as_mut().unwrap().algorithm = 99, "key.algorithm", Reason::InvalidArgument),
            (|r| r.key.as_mut().unwrap().purpose = 99, "key.purpose", Reason::InvalidArgument),
            (|r| r.key.as_mut().unwrap().scheme = -1, "key.scheme", Reason::InvalidArgument),
            (|r| r.key.as_mut().unwrap().protection = 0, "key.protection", Reason::MissingField),
            (|r| r.key.as_mut().unwrap().protection = 3, "key.protection", Reason::InvalidArgument),
            (|r| r.key.as_mut().unwrap().exit = 9, "key.exit", Reason::InvalidArgument),
        ];
        for (spoil, field, reason) in table {
            let mut request = request();
            spoil(&mut request);
            let error = create(request).unwrap_err();
            assert_eq!((error.at_field(), error.reason()), (Some(*field), *reason));
        }
    }

    #[test]
    fn rotation_periods_are_whole_seconds_in_range() {
        let period = |seconds, nanos| rotation_period(Some(Duration { seconds, nanos }));
        assert_eq!(period(3_600, 0).unwrap(), Some(3_600_000));
        assert_eq!(rotation_period(None).unwrap(), None);
        for (seconds, nanos) in [(3_599, 0), (3_600, 1), (3_660 * 86_400 + 1, 0), (-3_600, 0)] {
            assert_eq!(period(seconds, nanos).unwrap_err().at_field(), Some("key.rotation_period"));
        }
    }
}
