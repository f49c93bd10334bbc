//! TLS as the service speaks it: 1.3 only (RFC 8446), mutual, no tickets, no early data, HTTP/2 only.

use std::sync::Arc;

use hufu_secret::SecretBytes;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};

/// The protocol of gRPC in ALPN (RFC 7301, RFC 9113 §3.2).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";

/// What the service shows to clients, and whom it lets in.
pub struct TlsIdentity {
    /// The service's certificate, then its intermediates, DER.
    pub certificate_chain: Vec<CertificateDer<'static>>,
    /// Its private key, PKCS#8 DER.
    pub private_key: SecretBytes,
    /// Certificates of the authorities that clients' certificates must lead to, DER.
    pub trust_anchors: Vec<CertificateDer<'static>>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A trust anchor is no certificate.
    #[error("a trust anchor cannot be used")]
    TrustAnchor(#[source] rustls::Error),
    /// Nobody could be let in.
    #[error("the client verifier cannot be built")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// Certificate and key do not go together, or are malformed.
    #[error("the certificate or its key cannot be used")]
    Identity(#[from] rustls::Error),
}

/// The TLS configuration of the gRPC listener.
///
/// # Errors
/// [`TlsError`] when certificates or key cannot be used.
pub fn server_config(identity: TlsIdentity) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut anchors = RootCertStore::empty();
    for anchor in identity.trust_anchors {
        anchors.add(anchor).map_err(TlsError::TrustAnchor)?;
    }
    let key = certified_key(identity.certificate_chain, &identity.private_key)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), provider.clone()).build()?;
    // The versions are named although this crate asks for 1.3 only: another crate may switch 1.2 on.
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Reads the key where it lies, so that no copy of its encoding is left behind.
fn certified_key(chain: Vec<CertificateDer<'static>>, key: &SecretBytes) -> Result<CertifiedKey, TlsError> {
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.expose()));
    let certified = CertifiedKey::new(chain, aws_lc_rs::sign::any_supported_type(&der)?);
    certified.keys_match()?;
    Ok(certified)
}

/// SHA-256 of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of a certificate, which identifies a principal.
pub(crate) fn pin(certificate: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    Some(Sha256::digest(parsed.subject_public_key_info().as_ref()).into())
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PublicKeyData as _};

    use super::*;

    #[test]
    fn the_pin_is_that_of_the_public_key() {
        let key = KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["x".into()]).unwrap().self_signed(&key).unwrap();
        let expected: [u8; 32] = Sha256::digest(key.subject_public_key_info()).into();
        assert_eq!(pin(certificate.der()), Some(expected));
        assert_eq!(pin(&CertificateDer::from(vec![0; 10])), None);
    }
}
