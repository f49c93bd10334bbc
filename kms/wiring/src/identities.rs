//! Tenants and principals of the configuration, registered with the engine at each start.

use std::collections::BTreeSet;
use std::path::Path;

use der::{DecodePem, Encode};
use hufu_core::name::{PrincipalId, TenantId};
use hufu_core::record::Role;
use hufu_engine::Engine;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;

use crate::config::{ConfigError, PrincipalConfig};
use crate::files;
use crate::open::Error;

/// Longest certificate file, in bytes.
const CERTIFICATE_LEN_MAX: u64 = 1 << 20;

/// Registers what the configuration names. What it does not name is locked out.
pub(crate) async fn register(
    engine: &Engine,
    tenants: &[String],
    principals: &[PrincipalConfig],
) -> Result<(), Error> {
    for tenant in tenants {
        let tenant = TenantId::parse(tenant).map_err(|e| invalid("tenants", e.message()))?;
        engine.register_tenant(&tenant).await?;
    }
    let mut pins = BTreeSet::new();
    for principal in principals {
        if !tenants.contains(&principal.tenant) {
            return Err(invalid("principals.tenant", "names a tenant that `tenants` does not list").into());
        }
        let tenant = TenantId::parse(&principal.tenant).map_err(|e| invalid("principals.tenant", e.message()))?;
        let id = PrincipalId::parse(&principal.name).map_err(|e| invalid("principals.name", e.message()))?;
        let role = Role::by_name(&principal.role)
            .ok_or_else(|| invalid("principals.role", "must be admin, operator, application or auditor"))?;
        let pin = pin_of(principal)?;
        if !pins.insert(pin) {
            return Err(invalid("principals", &format!("`{id}` has the same public key as another one")).into());
        }
        engine.register_principal(&tenant, &id, role, principal.active, pin).await?;
    }
    Ok(())
}

fn pin_of(principal: &PrincipalConfig) -> Result<[u8; 32], ConfigError> {
    match (&principal.certificate, &principal.pin) {
        (Some(certificate), None) => certificate_pin(certificate),
        (None, Some(pin)) => {
            let mut bytes = [0; 32];
            hex::decode_to_slice(pin, &mut bytes)
                .map_err(|_| invalid("principals.pin", "must be 64 hexadecimal digits"))?;
            Ok(bytes)
        }
        _ => Err(invalid("principals", "each needs either `certificate` or `pin`")),
    }
}

fn certificate_pin(path: &Path) -> Result<[u8; 32], ConfigError> {
    let pem = files::read_text(path, CERTIFICATE_LEN_MAX)?;
    let malformed = |problem: &str| invalid("principals.certificate", &format!("`{}` {problem}", path.display()));
    let certificate = Certificate::from_pem(&pem).map_err(|_| malformed("is not a PEM certificate"))?;
    let spki = certificate.tbs_certificate().subject_public_key_info();
    let spki = spki.to_der().map_err(|_| malformed("has a malformed public key"))?;
    Ok(Sha256::digest(&spki).into())
}

pub(crate) fn invalid(field: &'static str, problem: &str) -> ConfigError {
    ConfigError::Invalid { field, problem: problem.to_owned() }
}
