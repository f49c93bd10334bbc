//! Keys in and out on the wire.

use hufu_core::Error;
use hufu_core::algorithm::Algorithm;
use hufu_core::name::{JobId, KeyName};
use hufu_core::record::ImportJob;
use hufu_engine::api::{CreateImportJob, ExportedKey, ImportJobView, ImportKey, UnwrapKey, WrappedKey};
use hufu_proto::v1;

use super::enums::Wire as _;
use super::time::{duration, from_duration, optional_timestamp, timestamp};
use super::version::Provenance;
use super::{invalid, key, missing, name};

/// An import job as the wire shows it.
#[must_use]
pub fn job(view: &ImportJobView) -> v1::ImportJob {
    let record = &*view.record;
    v1::ImportJob {
        name: record.name().to_string(),
        key_name: record.key_name().to_string(),
        key: Some(key_to_be(record)),
        public_key: record.to_be.public_key.clone().unwrap_or_default(),
        state: record.state.to_wire(),
        import_key: record.import_key.clone(),
        wrapping: record.scheme.to_wire(),
        statement: record.statement.clone(),
        create_time: Some(timestamp(record.created_at)),
        expire_time: Some(timestamp(record.expires_at)),
        close_time: optional_timestamp(record.closed_at),
        attempts: i32::try_from(record.attempts).unwrap_or(i32::MAX),
        simulated: record.simulated,
    }
}

fn key_to_be(record: &ImportJob) -> v1::Key {
    let to_be = &record.to_be;
    v1::Key {
        name: record.key_name().to_string(),
        algorithm: to_be.algorithm.to_wire(),
        scheme: to_be.scheme.to_wire(),
        purpose: to_be.purpose.to_wire(),
        protection: to_be.protection.to_wire(),
        digest_allowed: to_be.digest_allowed,
        labels: to_be.labels.clone().into_iter().collect(),
        description: to_be.description.clone(),
        sm2_distinguishing_id: to_be.distinguishing_id.clone().unwrap_or_default(),
        rotation_period: to_be.rotation_period_ms.map(duration),
        exit: to_be.exit.to_wire(),
        ..v1::Key::default()
    }
}

/// Reads what shall come in.
///
/// # Errors
/// The field at fault: missing, malformed or unknown.
pub fn create_job(request: v1::CreateImportJobRequest) -> Result<CreateImportJob, Error> {
    name::tenant(&request.parent, "parent")?;
    if request.job_id.is_empty() {
        return Err(missing("job_id"));
    }
    let job = JobId::parse(&request.job_id).map_err(|error| error.field("job_id"))?;
    let key = key::to_be(&request.parent, &request.key_id, request.key, !request.pre_active)?;
    Ok(CreateImportJob {
        job,
        key,
        public_key: Some(request.public_key).filter(|spki| !spki.is_empty()),
        import_algorithm: Algorithm::optional(request.import_algorithm, "import_algorithm")?,
        lifetime_ms: request.lifetime.map(lifetime).transpose()?,
    })
}

/// Reads a key that comes in.
///
/// # Errors
/// The field at fault.
pub fn import(request: v1::ImportKeyRequest) -> Result<ImportKey, Error> {
    Ok(ImportKey { job: name::import_job(&request.name, "name")?, wrapped: request.wrapped })
}

/// Reads what shall become a key again.
///
/// # Errors
/// The field at fault.
pub fn unwrap(request: v1::UnwrapKeyRequest) -> Result<UnwrapKey, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    let key = KeyName { tenant, key: key::new_id(&request.key_id)? };
    Ok(UnwrapKey {
        by: name::selector(&request.wrapping_key, "wrapping_key")?,
        blob: request.blob,
        key,
        labels: request.labels.into_iter().collect(),
        description: request.description,
        activate: !request.pre_active,
    })
}

/// A wrapped key as the wire shows it.
#[must_use]
pub fn wrapped(wrapped: WrappedKey) -> v1::WrapKeyResponse {
    let of = Provenance::of(&wrapped.version);
    let by = Provenance::of(&wrapped.by);
    v1::WrapKeyResponse {
        key_version: of.key_version,
        wrapping_key_version: by.key_version,
        blob: wrapped.blob,
        scheme: by.scheme,
        protection: of.protection,
        simulated: of.simulated || by.simulated,
    }
}

/// An exported key as the wire shows it.
#[must_use]
pub fn exported(exported: ExportedKey) -> v1::ExportKeyResponse {
    let Provenance { key_version, protection, simulated, .. } = Provenance::of(&exported.version);
    v1::ExportKeyResponse {
        key_version,
        wrapped: exported.wrapped,
        wrapping: exported.wrapping.to_wire(),
        recipient_fingerprint: hex::encode(exported.receiver),
        algorithm: exported.version.record.algorithm.to_wire(),
        protection,
        simulated,
    }
}

fn lifetime(lifetime: prost_types::Duration) -> Result<u64, Error> {
    if lifetime.nanos != 0 {
        return Err(invalid("lifetime", "a lifetime is in whole seconds"));
    }
    from_duration(lifetime, "lifetime")
}
