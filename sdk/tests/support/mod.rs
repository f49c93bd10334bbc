//! A service that answers as it is told, over real TLS with client certificates.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use hufu_proto::v1::{
    self,
    crypto_service_server::{CryptoService, CryptoServiceServer},
    key_service_server::{KeyService, KeyServiceServer},
};
use hufu_sdk::Profile;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    transport::{Certificate, Identity, Server, ServerTlsConfig},
};

/// A certification authority and what it issues.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key for the name.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        self.issue_with(name, |_| ())
    }

    /// The same with a certificate that ended years ago.
    pub(crate) fn issue_expired(&self, name: &str) -> (String, String) {
        self.issue_with(name, |params| {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        })
    }

    fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Writes a profile and its files; returns the loaded profile.
pub(crate) fn profile(dir: &Path, port: u16, trusts: &Authority, issued_by: &Authority) -> Profile {
    let (certificate, key) = issued_by.issue("admin");
    fs::write(dir.join("ca.pem"), trusts.pem()).unwrap();
    fs::write(dir.join("c.pem"), certificate).unwrap();
    fs::write(dir.join("k.pem"), key).unwrap();
    let text = format!(
        "server = 'https://localhost:{port}'\ntenant = 'dev'\nca_file = 'ca.pem'\n\
         certificate_file = 'c.pem'\nkey_file = 'k.pem'\n"
    );
    fs::write(dir.join("p.toml"), text).unwrap();
    Profile::load(dir.join("p.toml")).unwrap()
}

/// What the service answers, in turn; then it answers well. And the request ids that it saw.
#[derive(Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<Status>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Script {
    pub(crate) fn fails_with(answers: impl IntoIterator<Item = Status>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), seen: Arc::default() }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    fn answer<A>(&self, id: String, good: A) -> Result<Response<A>, Status> {
        self.seen.lock().unwrap().push(id);
        match self.answers.lock().unwrap().pop_front() {
            Some(status) => Err(status),
            None => Ok(Response::new(good)),
        }
    }
}

macro_rules! service {
    ($trait:ident: $($call:ident($request:ident) -> $answer:ident, $id:ident, $good:expr;)*) => {
        #[tonic::async_trait]
        impl $trait for Script {
            $(async fn $call(&self, request: Request<v1::$request>) -> Result<Response<v1::$answer>, Status> {
                self.answer(request.into_inner().$id, $good)
            })*
        }
    };
}

service! { KeyService:
    create_key(CreateKeyRequest) -> Key, request_id, v1::Key::default();
    get_key(GetKeyRequest) -> Key, name, v1::Key::default();
    list_keys(ListKeysRequest) -> ListKeysResponse, page_token, v1::ListKeysResponse::default();
    update_key(UpdateKeyRequest) -> Key, request_id, v1::Key::default();
    rotate_key(RotateKeyRequest) -> Key, request_id, v1::Key::default();
    list_key_versions(ListKeyVersionsRequest) -> ListKeyVersionsResponse, page_token, Default::default();
    get_key_version(GetKeyVersionRequest) -> KeyVersion, name, v1::KeyVersion::default();
    activate_key_version(ActivateKeyVersionRequest) -> KeyVersion, request_id, v1::KeyVersion::default();
    suspend_key_version(SuspendKeyVersionRequest) -> KeyVersion, request_id, v1::KeyVersion::default();
    resume_key_version(ResumeKeyVersionRequest) -> KeyVersion, request_id, v1::KeyVersion::default();
    revoke_key_version(RevokeKeyVersionRequest) -> KeyVersion, request_id, v1::KeyVersion::default();
    schedule_destroy_key_version(ScheduleDestroyKeyVersionRequest) -> KeyVersion, request_id, Default::default();
    cancel_destroy_key_version(CancelDestroyKeyVersionRequest) -> KeyVersion, request_id, Default::default();
    get_public_key(GetPublicKeyRequest) -> PublicKey, name, v1::PublicKey::default();
    create_import_job(CreateImportJobRequest) -> ImportJob, request_id, v1::ImportJob::default();
    get_import_job(GetImportJobRequest) -> ImportJob, name, v1::ImportJob::default();
    import_key(ImportKeyRequest) -> Key, request_id, v1::Key::default();
    wrap_key(WrapKeyRequest) -> WrapKeyResponse, name, v1::WrapKeyResponse::default();
    unwrap_key(UnwrapKeyRequest) -> Key, request_id, v1::Key::default();
    export_key(ExportKeyRequest) -> ExportKeyResponse, name, v1::ExportKeyResponse::default();
}

service! { CryptoService:
    sign(SignRequest) -> SignResponse, name, v1::SignResponse::default();
    sign_batch(SignBatchRequest) -> SignBatchResponse, name, v1::SignBatchResponse::default();
    verify(VerifyRequest) -> VerifyResponse, name, v1::VerifyResponse::default();
    encrypt(EncryptRequest) -> EncryptResponse, name, v1::EncryptResponse::default();
    decrypt(DecryptRequest) -> DecryptResponse, name, v1::DecryptResponse::default();
    generate_data_key(GenerateDataKeyRequest) -> GenerateDataKeyResponse, name, Default::default();
    mac(MacRequest) -> MacResponse, name, v1::MacResponse::default();
    verify_mac(VerifyMacRequest) -> VerifyMacResponse, name, v1::VerifyMacResponse::default();
    encapsulate(EncapsulateRequest) -> EncapsulateResponse, name, Default::default();
    decapsulate(DecapsulateRequest) -> DecapsulateResponse, name, Default::default();
    derive_shared_secret(DeriveSharedSecretRequest) -> DeriveSharedSecretResponse, name, Default::default();
    generate_random(GenerateRandomRequest) -> GenerateRandomResponse, parent, Default::default();
}

/// Serves the script on a free port until the test ends.
pub(crate) async fn serve(script: Script, authority: &Authority) -> u16 {
    let (certificate, key) = authority.issue("localhost");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(certificate, key))
        .client_ca_root(Certificate::from_pem(authority.pem()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::builder()
        .tls_config(tls)
        .unwrap()
        .add_service(KeyServiceServer::new(script.clone()))
        .add_service(CryptoServiceServer::new(script))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    port
}
