//! A holder of shares, from its configuration.

mod offload;
mod policy;

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use hufu_core::name::TenantId;
use hufu_custodian::{Label, Name, Roster, armour};
use hufu_custodian_keys::{CustodianKeys, KeyFile, Place};
use hufu_engine::{HolderPolicy, HolderSetup};

use crate::config::{Config, ConfigError, HolderConfig, Mode, StorageConfig};
use crate::files;
use crate::identities::invalid;
use crate::open::Error;
use crate::pin;
use offload::Worker;

/// Longest file of a roster, a policy or keys, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;
/// The roles of those who may call a holder.
const ROLES: [&str; 2] = ["coordinator", "auditor"];

/// What the files of a holder say, read before anything is touched.
pub(crate) struct HolderFiles {
    config: HolderConfig,
    name: Name,
    pub(crate) tenant: TenantId,
    roster: Roster,
    policy: HolderPolicy,
    keys: KeyFile,
}

/// Reads them; nothing where there is no holder.
pub(crate) fn read(config: &Config) -> Result<Option<HolderFiles>, Error> {
    let Some(holder) = &config.holder else {
        check_no_coordinator(config)?;
        return Ok(None);
    };
    let tenant = check(config)?;
    let roster = armoured(&holder.roster, Label::Roster, Roster::from_bytes)?;
    check_pin(holder, &roster)?;
    let policy = files::read_text(&holder.policy, FILE_LEN_MAX)?;
    let policy = policy::from_toml(&policy).map_err(|error| refused(&holder.policy, error))?;
    let keys = armoured(&holder.identity, Label::CustodianKey, KeyFile::from_bytes)?;
    if config.mode == Mode::Production && matches!(keys.place(), Place::Token { simulated: true, .. }) {
        return Err(Error::Refused("the holder's own keys are on a token that is a simulation".to_owned()));
    }
    let name =
        holder.name.parse().map_err(|error: hufu_custodian::Error| invalid("holder.name", &error.to_string()))?;
    Ok(Some(HolderFiles { config: holder.clone(), name, tenant, roster, policy, keys }))
}

impl HolderFiles {
    /// Opens the holder's own keys, which may ask for a passphrase.
    pub(crate) fn open(self) -> Result<(HolderSetup, TenantId), Error> {
        let identity = Arc::new(self.identity()?);
        let setup = HolderSetup {
            name: self.name,
            deployment: self.config.deployment,
            roster: Arc::new(self.roster),
            identity,
            policy: self.policy,
            offload: Arc::new(Worker::start().map_err(Error::Thread)?),
        };
        Ok((setup, self.tenant))
    }

    fn identity(&self) -> Result<CustodianKeys, Error> {
        let whose = format!("the holder `{}`", self.name);
        let failed = |error| refused(&self.config.identity, error);
        match (self.keys.place(), &self.config.module) {
            (Place::File { .. }, None) => {
                let passphrase = pin::read(&self.config.passphrase, &whose)?;
                self.keys.open_in_file(&passphrase).map_err(failed)
            }
            (Place::Token { .. }, Some(module)) => {
                let pin = pin::read(&self.config.passphrase, &whose)?;
                self.keys.open_on_token(module, pin).map_err(failed)
            }
            (Place::File { .. }, Some(_)) => {
                Err(invalid("holder.module", "the keys are in their file and not on a token").into())
            }
            (Place::Token { .. }, None) => {
                Err(invalid("holder.module", "is missing: the keys are on a token").into())
            }
            (Place::Tpm { .. }, _) => {
                Err(invalid("holder.identity", "a holder's keys are in their file or on a token, and not in a TPM")
                    .into())
            }
        }
    }
}

/// What a deployment that is a holder can consist of.
fn check(config: &Config) -> Result<TenantId, Error> {
    if !matches!(config.storage, StorageConfig::Sqlite { .. }) {
        return Err(invalid("storage", "a holder has a database of its own: SQLite").into());
    }
    if config.ceremonies.is_some() {
        return Err(invalid("ceremonies", "a holder holds no ceremonies").into());
    }
    if config.principals.iter().any(|principal| !ROLES.contains(&principal.role.as_str())) {
        return Err(invalid("principals.role", "at a holder it is coordinator or auditor").into());
    }
    let [tenant] = config.tenants.as_slice() else {
        return Err(invalid("tenants", "a holder has one, to which its callers belong").into());
    };
    Ok(TenantId::parse(tenant).map_err(|error| invalid("tenants", error.message()))?)
}

fn check_no_coordinator(config: &Config) -> Result<(), ConfigError> {
    let is_one = |role: &str| role == ROLES[0];
    if config.principals.iter().any(|principal| is_one(&principal.role)) {
        return Err(invalid("principals.role", "a coordinator calls holders: `[holder]` makes one"));
    }
    Ok(())
}

/// The roster must be the one that its operator has compared, by its hash or its words.
fn check_pin(config: &HolderConfig, roster: &Roster) -> Result<(), ConfigError> {
    let wrong = |why: &str| invalid("holder.pin", why);
    let mut pinned = [0; 32];
    if hex::decode_to_slice(config.pin.trim(), &mut pinned).is_err() {
        pinned = hufu_custodian::from_words(&config.pin)
            .map_err(|_| wrong("is neither 64 hexadecimal digits nor the sixteen words of a roster"))?;
    }
    if pinned == roster.hash().0 { Ok(()) } else { Err(wrong("is not that of the roster")) }
}

fn armoured<T, E: Display>(path: &Path, label: Label, parse: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<T, Error> {
    let text = files::read_text(path, FILE_LEN_MAX)?;
    let bytes = armour::read_as(label, &text).map_err(|error| refused(path, error))?;
    parse(&bytes).map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: impl Display) -> Error {
    Error::Holder(format!("`{}`: {error}", path.display()))
}
