//! What a production start refuses (invariant 9: nothing simulated passes for real).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hufu_core::backend::KeyBackend;

use crate::config::{Config, Mode, PinSource, StorageConfig, TlsConfig};
use crate::open::Error;
use crate::service::TlsMaterial;

/// Refuses, in production, simulated parts, a PIN beside the database, and secrets that others can read.
pub(crate) fn check(config: &Config, token: &dyn KeyBackend) -> Result<(), Error> {
    if config.mode == Mode::Development {
        return Ok(());
    }
    check_simulated(config, token)?;
    check_certificates(&config.server.tls)?;
    for token in config.tokens() {
        if let (PinSource::File(pin), StorageConfig::Sqlite { path }) = (&token.pin, &config.storage)
            && pin.parent() == path.parent()
        {
            return Err(Error::Refused("the PIN file lies beside the database".to_owned()));
        }
    }
    secrets(config).try_for_each(check_private)
}

/// Refuses, in production, a device that is a program.
pub(crate) fn check_simulated(config: &Config, device: &dyn KeyBackend) -> Result<(), Error> {
    if is_refused(config.mode, device) {
        return Err(Error::Refused(format!("{} is a simulation", device.name())));
    }
    Ok(())
}

/// Whether that mode refuses the device.
pub(crate) fn is_refused(mode: Mode, device: &dyn KeyBackend) -> bool {
    mode == Mode::Production && device.capabilities().simulated
}

/// Refuses certificates of a development start: their authority's key lies beside them.
fn check_certificates(config: &TlsConfig) -> Result<(), Error> {
    if TlsMaterial::load(config)?.is_development() {
        return Err(Error::Refused("a certificate of `server.tls` was made by `hufud --dev`".to_owned()));
    }
    Ok(())
}

/// The files of the configuration that hold secrets.
fn secrets(config: &Config) -> impl Iterator<Item = &Path> {
    let pins = config.tokens().filter_map(|token| match &token.pin {
        PinSource::File(path) => Some(path.as_path()),
        PinSource::Prompt => None,
    });
    let url = match &config.storage {
        StorageConfig::Postgres { url_file, .. } => Some(url_file.as_path()),
        StorageConfig::Sqlite { .. } => None,
    };
    let tpm = match config.tpm.as_ref().map(|tpm| &tpm.pin) {
        Some(PinSource::File(path)) => Some(path.as_path()),
        Some(PinSource::Prompt) | None => None,
    };
    let threshold = config.threshold.as_ref().map(|threshold| threshold.key.as_path());
    let holder = match config.holder.as_ref().map(|holder| &holder.passphrase) {
        Some(PinSource::File(path)) => Some(path.as_path()),
        Some(PinSource::Prompt) | None => None,
    };
    [Some(config.server.tls.key.as_path()), tpm, url, threshold, holder].into_iter().flatten().chain(pins)
}

/// Refuses a secret that others than its owner can read.
fn check_private(path: &Path) -> Result<(), Error> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::File(path.to_owned(), error))?;
    if metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::Refused(format!("`{}` can be read by others than its owner", path.display())))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;
    use crate::dev::DEVELOPMENT_ORGANIZATION;

    #[test]
    fn certificates_of_a_development_start_are_refused() {
        for (organization, good) in [(DEVELOPMENT_ORGANIZATION, false), ("Acme", true)] {
            let directory = tempfile::tempdir().unwrap();
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::OrganizationName, organization);
            let file = |name: &str, content: String| {
                let path = directory.path().join(name);
                std::fs::write(&path, content).unwrap();
                path
            };
            let certificate = file("server.pem", params.self_signed(&key).unwrap().pem());
            let client_authorities = vec![certificate.clone()];
            let config = TlsConfig { certificate, key: file("server.key", key.serialize_pem()), client_authorities };
            assert_eq!(check_certificates(&config).is_ok(), good, "{organization}");
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pin");
        std::fs::write(&path, "1234").unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(check_private(&path).is_ok(), good, "{mode:o}");
        }
    }
}
