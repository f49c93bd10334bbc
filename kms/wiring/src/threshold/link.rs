//! A holder over gRPC: TLS with certificates on both sides, connected when it is first asked and again when it was lost.

use std::path::Path;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_proto::v1;
use hufu_proto::v1::holder_service_client::HolderServiceClient;
use hufu_secret::SecretBytes;
use hufu_threshold::{HolderInfo, HolderLink, LinkError, Message, Share};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};

use super::config::{LinkConfig, ThresholdConfig};
use super::wire;
use crate::files;
use crate::open::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read: 64 messages of 8 KiB, and what is around them.
const ANSWER_LEN_MAX: usize = 1 << 20;
const PEM_LEN_MAX: u64 = 1 << 20;

/// Who this service is to holders.
pub(super) struct Identity {
    certificate: String,
    key: SecretBytes,
}

impl Identity {
    pub(super) fn read(config: &ThresholdConfig) -> Result<Self, Error> {
        let certificate = files::read_text(&config.certificate, PEM_LEN_MAX)?;
        let unreadable = |error| Error::File(config.key.clone(), error);
        let key = files::read_if_there(&config.key, PEM_LEN_MAX).map_err(unreadable)?;
        Ok(Self { certificate, key: SecretBytes::from_vec(key.ok_or_else(|| unreadable(files::missing()))?) })
    }
}

/// The way to one holder.
pub(super) struct GrpcLink {
    name: String,
    address: String,
    client: HolderServiceClient<Channel>,
}

impl GrpcLink {
    pub(super) fn new(config: &LinkConfig, identity: &Identity) -> Result<Self, Error> {
        let refused = |why: String| Error::Holders(format!("`{}`: {why}", config.name));
        if !config.address.starts_with("https://") {
            return Err(refused(format!("`{}` does not begin with https://", config.address)));
        }
        let endpoint = Endpoint::from_shared(config.address.clone()).map_err(|error| refused(error.to_string()))?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .tls_config(tls(config, identity)?)
            .map_err(|error| refused(error.to_string()))?;
        let client = HolderServiceClient::new(endpoint.connect_lazy()).max_decoding_message_size(ANSWER_LEN_MAX);
        Ok(Self { name: config.name.clone(), address: config.address.clone(), client })
    }

    /// Makes a call that ends before its deadline.
    async fn call<Q, A, F>(
        &self,
        message: Q,
        deadline: Instant,
        send: impl FnOnce(HolderServiceClient<Channel>, Request<Q>) -> F,
    ) -> Result<A, LinkError>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut request = Request::new(message);
        request.set_timeout(deadline.saturating_duration_since(Instant::now()));
        // The deadline in the request does not bound the time that connecting takes; this does.
        match tokio::time::timeout_at(deadline.into(), send(self.client.clone(), request)).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(wire::error(&status)),
            Err(_) => Err(LinkError::Unreachable("it took too long".to_owned())),
        }
    }
}

fn tls(config: &LinkConfig, identity: &Identity) -> Result<ClientTlsConfig, Error> {
    let authorities = read_pem(&config.authorities)?;
    let identity = tonic::transport::Identity::from_pem(&identity.certificate, identity.key.expose());
    let tls = ClientTlsConfig::new().timeout(CONNECT_TIMEOUT).ca_certificate(authorities).identity(identity);
    Ok(match &config.server_name {
        Some(name) => tls.domain_name(name),
        None => tls,
    })
}

fn read_pem(path: &Path) -> Result<Certificate, Error> {
    Ok(Certificate::from_pem(files::read_text(path, PEM_LEN_MAX)?))
}

impl HolderLink for GrpcLink {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn describe(&self, deadline: Instant) -> BoxFuture<'_, Result<HolderInfo, LinkError>> {
        Box::pin(async move {
            let request = v1::GetHolderRequest {};
            let answer = self.call(request, deadline, |mut client, it| async move { client.get_holder(it).await });
            answer.await.map(wire::info)
        })
    }

    fn begin_generation<'a>(
        &'a self,
        mandate: &'a [u8],
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<Message>, LinkError>> {
        Box::pin(async move {
            let request = v1::BeginGenerationRequest { mandate: mandate.to_vec() };
            let send =
                |mut client: HolderServiceClient<Channel>, it| async move { client.begin_generation(it).await };
            self.call(request, deadline, send).await.map(wire::messages)
        })
    }

    fn continue_generation(
        &self,
        generation: [u8; 32],
        messages: Vec<Message>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Vec<Message>, LinkError>> {
        Box::pin(async move {
            let messages = messages.into_iter().map(wire::message).collect();
            let request = v1::ContinueGenerationRequest { generation: generation.to_vec(), messages };
            let send =
                |mut client: HolderServiceClient<Channel>, it| async move { client.continue_generation(it).await };
            self.call(request, deadline, send).await.map(wire::messages)
        })
    }

    fn finish_generation(
        &self,
        generation: [u8; 32],
        outcomes: Vec<Message>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Share, LinkError>> {
        Box::pin(async move {
            let outcomes = outcomes.into_iter().map(wire::message).collect();
            let request = v1::FinishGenerationRequest { generation: generation.to_vec(), outcomes };
            let send =
                |mut client: HolderServiceClient<Channel>, it| async move { client.finish_generation(it).await };
            self.call(request, deadline, send).await.map(wire::share)
        })
    }

    fn commit_to_sign(&self, request: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, LinkError>> {
        Box::pin(async move {
            let request = v1::CommitToSignRequest { request };
            let send = |mut client: HolderServiceClient<Channel>, it| async move { client.commit_to_sign(it).await };
            self.call(request, deadline, send).await.map(|answer| answer.answer)
        })
    }

    fn sign_share(&self, package: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, LinkError>> {
        Box::pin(async move {
            let request = v1::SignShareRequest { package };
            let send = |mut client: HolderServiceClient<Channel>, it| async move { client.sign_share(it).await };
            self.call(request, deadline, send).await.map(|answer| answer.answer)
        })
    }

    fn destroy_share<'a>(
        &'a self,
        key_version: &'a str,
        group_digest: [u8; 32],
        deadline: Instant,
    ) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(async move {
            let key_version = key_version.to_owned();
            let request = v1::DestroyHolderShareRequest { key_version, group_digest: group_digest.to_vec() };
            let send =
                |mut client: HolderServiceClient<Channel>, it| async move { client.destroy_holder_share(it).await };
            self.call(request, deadline, send).await.map(|_| ())
        })
    }
}
