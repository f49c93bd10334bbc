//! An open service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use hufu_engine::Engine;
use hufu_journal::JournalThread;
use hufu_secret::SecretBytes;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::sync::oneshot;

use crate::config::TlsConfig;
use crate::dev::{DEVELOPMENT_ORGANIZATION, write_profiles};
use crate::files;
use crate::open::Error;
use crate::tasks::Tasks;

const PEM_LEN_MAX: u64 = 1 << 20;

/// A service that is open: what the daemon needs to serve it, and how to close it.
pub struct Service {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// The admin's profile, in a development start.
    pub profile: Option<PathBuf>,
    pub(crate) dev_dir: Option<PathBuf>,
    pub(crate) tasks: Tasks,
    pub(crate) journal: JournalThread,
}

impl Service {
    /// The listeners are bound: a development start writes its client profiles now.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn listening(&mut self, server: SocketAddr, ledger: Option<SocketAddr>) -> Result<(), Error> {
        if let Some(dir) = &self.dev_dir {
            let profile = write_profiles(dir, server, ledger).map_err(|error| Error::File(dir.clone(), error))?;
            self.profile = Some(profile);
        }
        Ok(())
    }

    /// Ends the background work, puts the audit head on the ledger, commits what is left and closes.
    pub async fn shutdown(self) {
        let Self { engine, tasks, journal, .. } = self;
        if let Err(error) = engine.announce_stop().await {
            tracing::warn!(?error, "the stop was not recorded");
        }
        tasks.stop().await;
        drop(engine);
        stop_journal(journal).await;
        tracing::info!("stopped");
    }
}

/// Waits for the journal to commit what is left. It may wait for a database that does not answer: so on a thread of its own,
/// and the caller may give up.
pub(crate) async fn stop_journal(journal: JournalThread) {
    let (done, ended) = oneshot::channel::<()>();
    let stop = move || {
        journal.stop();
        drop(done);
    };
    match thread::Builder::new().name("journal-stop".to_owned()).spawn(stop) {
        // The sender is never used: that it is gone is the answer.
        Ok(_) => drop(ended.await),
        Err(error) => tracing::warn!(%error, "the journal was not waited for"),
    }
}

/// Certificates of the listener, DER.
pub struct TlsMaterial {
    /// The server's certificate and its intermediates.
    pub certificate_chain: Vec<Vec<u8>>,
    /// The server's private key, PKCS#8.
    pub private_key: SecretBytes,
    /// Authorities that client certificates must lead to.
    pub trust_anchors: Vec<Vec<u8>>,
}

impl TlsMaterial {
    /// Reads the configured files.
    ///
    /// # Errors
    /// When one cannot be read or is no PEM of its kind.
    pub fn load(config: &TlsConfig) -> Result<Self, Error> {
        let certificate_chain = certificates(&config.certificate)?;
        let mut trust_anchors = Vec::new();
        for path in &config.client_authorities {
            trust_anchors.extend(certificates(path)?);
        }
        let unreadable = |error| Error::File(config.key.clone(), error);
        let pem = files::read_if_there(&config.key, PEM_LEN_MAX).map_err(unreadable)?;
        let pem = SecretBytes::from_vec(pem.ok_or_else(|| unreadable(files::missing()))?);
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.expose())
            .map_err(|error| Error::Certificate(format!("`{}`: {error}", config.key.display())))?;
        let private_key = SecretBytes::from_slice(key.secret_pkcs8_der());
        Ok(Self { certificate_chain, private_key, trust_anchors })
    }
}

impl TlsMaterial {
    /// Whether the server's certificate, or an authority of its clients, was made by a development start.
    #[must_use]
    pub fn is_development(&self) -> bool {
        let mark = DEVELOPMENT_ORGANIZATION.as_bytes();
        let mut certificates = self.certificate_chain.iter().chain(&self.trust_anchors);
        certificates.any(|der| der.windows(mark.len()).any(|window| window == mark))
    }
}

fn certificates(path: &std::path::Path) -> Result<Vec<Vec<u8>>, Error> {
    let text = files::read_text(path, PEM_LEN_MAX)?;
    let malformed = |error| Error::Certificate(format!("`{}`: {error}", path.display()));
    CertificateDer::pem_slice_iter(text.as_bytes())
        .map(|certificate| certificate.map(|der| der.to_vec()).map_err(malformed))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|found| {
            let none = || Error::Certificate(format!("`{}` holds no PEM certificate", path.display()));
            if found.is_empty() { Err(none()) } else { Ok(found) }
        })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn certificates_of_a_development_start_are_known_for_such() {
        let material = |organization: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::OrganizationName, organization);
            let authority = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            TlsMaterial {
                certificate_chain: vec![],
                private_key: SecretBytes::zeroed(0),
                trust_anchors: vec![authority.der().to_vec()],
            }
        };
        assert!(material(DEVELOPMENT_ORGANIZATION).is_development());
        assert!(!material("Acme").is_development());
    }
}
