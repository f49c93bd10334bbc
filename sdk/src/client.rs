use std::{future::Future, time::Duration};

use hufu_proto::v1::{
    audit_service_client::AuditServiceClient, ceremony_service_client::CeremonyServiceClient,
    crypto_service_client::CryptoServiceClient, deposit_service_client::DepositServiceClient,
    key_service_client::KeyServiceClient, ledger_service_client::LedgerServiceClient,
    share_service_client::ShareServiceClient, system_service_client::SystemServiceClient,
    unseal_service_client::UnsealServiceClient,
};
use tokio::time::{Instant, timeout_at};
use tonic::{
    Request, Response, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{
    Error, Profile, ProfileError, own_certificate,
    profile::read,
    retry::{self, Repeat},
    wire,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const CALL_TIMEOUT_MAX: Duration = Duration::from_secs(86_400);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer that is read: 8 MiB.
const ANSWER_LEN_MAX: usize = 8 << 20;

/// A connection to a service, as one principal of one tenant.
///
/// It connects when it is first used and again when the connection was lost, over TLS with certificates on both sides.
/// Clones share the connection; calls run side by side on it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    tenant: String,
    timeout: Duration,
}

impl Client {
    /// A client for the profile. Reads its certificate files and does not connect yet; must be called on a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Profile`] when the files cannot be read or used, [`Error::CertificateRefused`] when the client's own
    /// certificate has expired or is not valid yet: no service would accept it, and few would say why.
    pub fn new(profile: &Profile) -> Result<Self, Error> {
        own_certificate::check(profile)?;
        Ok(Self { channel: endpoint(profile)?.connect_lazy(), tenant: profile.tenant.clone(), timeout: CALL_TIMEOUT })
    }

    /// The same client with another time limit for each call, all its attempts together: at most a day. The default is 30
    /// seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.min(CALL_TIMEOUT_MAX), ..self }
    }

    /// Id of the tenant whose keys are used.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// `tenants/T`.
    pub(crate) fn parent(&self) -> String {
        format!("tenants/{}", self.tenant)
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Makes a call, and makes it again as `repeat` allows, until the time limit.
    pub(crate) async fn call<Q, A, F, R>(&self, repeat: Repeat, message: Q, send: F) -> Result<A, Error>
    where
        Q: Clone,
        F: Fn(Channel, Request<Q>) -> R,
        R: Future<Output = Result<Response<A>, Status>>,
    {
        let deadline = Instant::now() + self.timeout;
        let mut attempts = 0;
        loop {
            let mut request = Request::new(message.clone());
            request.set_timeout(deadline.saturating_duration_since(Instant::now()));
            let error = match timeout_at(deadline, send(self.channel(), request)).await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => wire::error(&status),
                // The deadline in the request does not bound the time that connecting takes; this does.
                Err(_) => return Err(wire::timed_out()),
            };
            attempts += 1;
            let Some(pause) = retry::pause(repeat, &error, attempts, random()?) else {
                return Err(error);
            };
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

fn random() -> Result<u32, Error> {
    getrandom::u32().map_err(|_| Error::Randomness)
}

fn endpoint(profile: &Profile) -> Result<Endpoint, Error> {
    let server = || ProfileError::Server(profile.server.clone());
    if !profile.server.starts_with("https://") {
        return Err(server().into());
    }
    let endpoint = Endpoint::from_shared(profile.server.clone()).map_err(|_| server())?;
    if endpoint.uri().port_u16().is_none() || endpoint.uri().path() != "/" {
        return Err(server().into());
    }
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .tls_config(tls(profile)?)
        .map_err(|error| ProfileError::Tls(root_cause(&error)))?;
    Ok(endpoint)
}

fn tls(profile: &Profile) -> Result<ClientTlsConfig, ProfileError> {
    let authorities = read("authority certificates", &profile.ca_file)?;
    let certificate = read("client certificate", &profile.certificate_file)?;
    let key = read("client key", &profile.key_file)?;
    Ok(ClientTlsConfig::new()
        .timeout(CONNECT_TIMEOUT)
        .ca_certificate(Certificate::from_pem(authorities.as_slice()))
        .identity(Identity::from_pem(certificate.as_slice(), key.as_slice())))
}

fn root_cause(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .take(16)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

pub(crate) fn keys(channel: Channel) -> KeyServiceClient<Channel> {
    KeyServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn crypto(channel: Channel) -> CryptoServiceClient<Channel> {
    CryptoServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn ledger(channel: Channel) -> LedgerServiceClient<Channel> {
    LedgerServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn audit(channel: Channel) -> AuditServiceClient<Channel> {
    AuditServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn system(channel: Channel) -> SystemServiceClient<Channel> {
    SystemServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn unseal(channel: Channel) -> UnsealServiceClient<Channel> {
    UnsealServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn ceremonies(channel: Channel) -> CeremonyServiceClient<Channel> {
    CeremonyServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn shares(channel: Channel) -> ShareServiceClient<Channel> {
    ShareServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}

pub(crate) fn deposits(channel: Channel) -> DepositServiceClient<Channel> {
    DepositServiceClient::new(channel).max_decoding_message_size(ANSWER_LEN_MAX)
}
