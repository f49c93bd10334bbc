//! Tenants and principals of the configuration, registered with the engine at each start.

use std::path::Path;

use der::{DecodePem, Encode};
use hufu_core::name::{PrincipalId, TenantId};
use hufu_core::record::Role;
use hufu_engine::Engine;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;

use crate::config::{Config, ConfigError, PrincipalConfig};
use crate::files;
use crate::open::Error;

/// Longest certificate file, in bytes.
const CERTIFICATE_LEN_MAX: u64 = 1 << 20;

/// What the configuration names, checked.
pub(crate) struct Identities {
    tenants: Vec<TenantId>,
    principals: Vec<Identity>,
}

struct Identity {
    tenant: TenantId,
    id: PrincipalId,
    role: Role,
    active: bool,
    pin: [u8; 32],
}

impl Identities {
    /// Reads tenants and principals.
    ///
    /// # Errors
    /// [`ConfigError`], with the field at fault.
    pub(crate) fn read(tenants: &[String], principals: &[PrincipalConfig]) -> Result<Self, ConfigError> {
        let tenants: Result<Vec<_>, _> = tenants.iter().map(|tenant| tenant_id("tenants", tenant)).collect();
        let mut identities = Self { tenants: tenants?, principals: Vec::new() };
        for principal in principals {
            let identity = Identity::read(principal)?;
            identities.add(identity)?;
        }
        Ok(identities)
    }

    /// Registers them with the engine. Whoever is not among them is locked out.
    pub(crate) async fn register(&self, engine: &Engine) -> Result<(), Error> {
        for tenant in &self.tenants {
            engine.register_tenant(tenant).await?;
        }
        for Identity { tenant, id, role, active, pin } in &self.principals {
            engine.register_principal(tenant, id, *role, *active, *pin).await?;
        }
        Ok(())
    }

    fn add(&mut self, new: Identity) -> Result<(), ConfigError> {
        if !self.tenants.contains(&new.tenant) {
            return Err(invalid("principals.tenant", "names a tenant that `tenants` does not list"));
        }
        if self.principals.iter().any(|known| known.pin == new.pin) {
            return Err(invalid("principals", &format!("`{}` has the same public key as another one", new.id)));
        }
        // A principal may have an old key and a new one; two roles under one name would blur the audit.
        let same_name = |known: &&Identity| known.tenant == new.tenant && known.id == new.id;
        if self.principals.iter().filter(same_name).any(|known| known.role != new.role) {
            return Err(invalid("principals.role", &format!("`{}` has another role in another entry", new.id)));
        }
        self.principals.push(new);
        Ok(())
    }
}

/// SHA-256 of the public keys of everyone who may act, as configured.
///
/// # Errors
/// [`Error::Config`], with the field at fault.
pub fn active_pins(config: &Config) -> Result<Vec<[u8; 32]>, Error> {
    let identities = Identities::read(&config.tenants, &config.principals)?;
    Ok(identities.principals.iter().filter(|one| one.active).map(|one| one.pin).collect())
}

impl Identity {
    fn read(config: &PrincipalConfig) -> Result<Self, ConfigError> {
        let role = Role::by_name(&config.role).ok_or_else(|| {
            invalid(
                "principals.role",
                "must be admin, operator, application or auditor; at a holder coordinator or auditor",
            )
        })?;
        Ok(Self {
            tenant: tenant_id("principals.tenant", &config.tenant)?,
            id: PrincipalId::parse(&config.name).map_err(|e| invalid("principals.name", e.message()))?,
            role,
            active: config.active,
            pin: pin_of(config)?,
        })
    }
}

fn tenant_id(field: &'static str, name: &str) -> Result<TenantId, ConfigError> {
    TenantId::parse(name).map_err(|error| invalid(field, &format!("`{name}`: {}", error.message())))
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
