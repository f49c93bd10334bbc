//! A server that waits for its root: mutual TLS as ever, one service, and for every other call the answer that it is sealed.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hufu_core::{Error, Reason};
use hufu_proto::v1;
use hufu_proto::v1::unseal_service_server::{UnsealService, UnsealServiceServer};
use hufu_wiring::{Opened, SplitRoot, Unsealing};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Status, async_trait};
use tower::Service;

use crate::error;
use crate::net::Peer;
use crate::rpc::{documented, stranger};
use crate::wire::seal;

/// Where the services of ours are.
const OURS: &str = "/hufu.v1.";
const UNSEAL: &str = "/hufu.v1.UnsealService/";
/// Longest message: a handover has a few kilobytes.
const MESSAGE_LEN_MAX: usize = 64 << 10;

/// The services of a sealed server.
#[derive(Clone)]
pub(crate) struct Sealed {
    waiting: Arc<WaitingRoom>,
    routes: Routes,
}

struct WaitingRoom {
    unsealing: Mutex<Unsealing>,
    /// SHA-256 of the public keys of those who may call.
    pins: Vec<[u8; 32]>,
    /// How it was opened; nothing before.
    how: Mutex<Option<Opened>>,
    opened: Notify,
}

impl Sealed {
    /// The services for a split root, and those given beside them (health, reflection).
    pub(crate) fn new(root: &SplitRoot, pins: Vec<[u8; 32]>, beside: Routes) -> Self {
        let unsealing = Mutex::new(root.unsealing());
        let waiting = Arc::new(WaitingRoom { unsealing, pins, how: Mutex::default(), opened: Notify::new() });
        let service = UnsealServiceServer::from_arc(waiting.clone()).max_decoding_message_size(MESSAGE_LEN_MAX);
        Self { waiting, routes: beside.add_service(service).prepare() }
    }

    /// Completes when enough shares are there: how it was opened.
    pub(crate) async fn opened(&self) -> Option<Opened> {
        self.waiting.opened.notified().await;
        self.waiting.how.lock().take()
    }

    /// How many shares it takes, and of how many.
    pub(crate) fn terms(&self) -> (u8, usize) {
        let unsealing = self.waiting.unsealing.lock();
        let manifest = unsealing.manifest().unverified();
        (manifest.threshold(), manifest.seats().len())
    }

    fn refusal(&self, request: &Request<Body>) -> Option<Error> {
        let known = request.extensions().get::<Peer>().is_some_and(|peer| self.waiting.pins.contains(&peer.pin));
        let path = request.uri().path();
        if !known {
            return Some(stranger());
        }
        (path.starts_with(OURS) && !path.starts_with(UNSEAL)).then(sealed)
    }
}

impl Service<Request<Body>> for Sealed {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The routes never make a caller wait here.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.refusal(&request) {
            Some(refusal) => std::future::ready(Ok(error::status(&refusal).into_http())).boxed(),
            None => self.routes.call(request).map(|answer| answer.map(documented)).boxed(),
        }
    }
}

#[async_trait]
impl UnsealService for WaitingRoom {
    async fn get_seal_status(
        &self,
        _: tonic::Request<v1::GetSealStatusRequest>,
    ) -> Result<tonic::Response<v1::SealStatus>, Status> {
        self.status().map(tonic::Response::new).map_err(|error| error::status(&error))
    }

    async fn submit_share(
        &self,
        request: tonic::Request<v1::SubmitShareRequest>,
    ) -> Result<tonic::Response<v1::SealStatus>, Status> {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.address);
        let handover = request.into_inner().handover;
        let answer = self.submit(&handover);
        if let Err(error) = &answer {
            tracing::warn!(?peer, refusal = error.message(), "a share was refused");
        }
        answer.map(tonic::Response::new).map_err(|error| error::status(&error))
    }

    async fn list_root_transcripts(
        &self,
        _: tonic::Request<v1::ListRootTranscriptsRequest>,
    ) -> Result<tonic::Response<v1::ListRootTranscriptsResponse>, Status> {
        Err(error::status(&sealed()))
    }

    async fn get_root_transcript(
        &self,
        _: tonic::Request<v1::GetRootTranscriptRequest>,
    ) -> Result<tonic::Response<v1::RootTranscript>, Status> {
        Err(error::status(&sealed()))
    }

    async fn confirm_root_share(
        &self,
        _: tonic::Request<v1::ConfirmRootShareRequest>,
    ) -> Result<tonic::Response<v1::RootTranscript>, Status> {
        Err(error::status(&sealed()))
    }
}

impl WaitingRoom {
    fn submit(&self, handover: &[u8]) -> Result<v1::SealStatus, Error> {
        if handover.is_empty() {
            return Err(Error::new(Reason::MissingField, "there is no share").field("handover"));
        }
        let mut unsealing = self.unsealing.lock();
        if !unsealing.is_sealed() {
            return Ok(seal::unsealed());
        }
        if let Some(opened) = unsealing.submit(handover, now_ms()).map_err(|error| seal::refused(&error))? {
            let by: Vec<String> = opened.by.iter().map(ToString::to_string).collect();
            tracing::info!(by = by.join(", "), "enough shares are here: the root is open");
            *self.how.lock() = Some(opened);
            self.opened.notify_one();
            return Ok(seal::unsealed());
        }
        drop(unsealing);
        self.status()
    }

    fn status(&self) -> Result<v1::SealStatus, Error> {
        let mut unsealing = self.unsealing.lock();
        if !unsealing.is_sealed() {
            return Ok(seal::unsealed());
        }
        let waiting = unsealing.waiting(now_ms()).map_err(Error::internal)?;
        Ok(seal::sealed(&waiting, unsealing.manifest()))
    }
}

fn sealed() -> Error {
    Error::new(Reason::Sealed, "the server is sealed: too few custodians have brought their shares")
        .help("`hufu unseal status` tells whose are awaited")
}

/// There is no engine yet that has a clock. Only the age of a request is measured by it.
fn now_ms() -> u64 {
    static BEGIN: LazyLock<(std::time::Instant, Duration)> = LazyLock::new(|| {
        (std::time::Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    });
    let (begin, wall) = *BEGIN;
    u64::try_from((wall + begin.elapsed()).as_millis()).unwrap_or(u64::MAX)
}
