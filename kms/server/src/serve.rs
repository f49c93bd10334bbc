//! Puts the listeners, the services and the engine together, and takes them apart in order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt as _;
use http::{Request, Response};
use hufu_engine::Engine;
use hufu_wiring::{Opened, SplitRoot};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;
use tower::Service;

use crate::http::{Bounded, ledger_routes, metrics_routes};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::net::{Acceptor, Connection};
use crate::rpc::{Edge, dispatch, report_draining, watch_health, watch_state};
use crate::sealed::Sealed;
use crate::wire::status::Installation;

/// An HTTP/2 ping after so much silence, and how long its answer may take.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How much longer than a call the transport waits, for a request whose body never ends.
const TRANSPORT_MARGIN: Duration = Duration::from_secs(1);

/// Streams that a client may open and reset before it is cut off (CVE-2023-44487).
const RESET_STREAMS_MAX: usize = 64;

/// Why serving could not begin or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The descriptors for reflection are malformed.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The journal came to its end while the server ran: a fault of ours.
    #[error("the journal ended: nothing can be committed any more")]
    Journal,
    /// The HTTP/2 server ended by itself.
    #[error("the gRPC server ended")]
    Ended(#[source] Option<tonic::transport::Error>),
}

/// Sockets that listen.
pub struct Listeners {
    /// gRPC over mutual TLS.
    pub grpc: TcpListener,
    /// The public ledger over HTTP.
    pub ledger: Option<TcpListener>,
    /// Metrics over HTTP.
    pub metrics: Option<TcpListener>,
}

/// Listens on an address.
///
/// # Errors
/// [`ServeError::Bind`] when that is not possible.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}

/// A server that is ready to run.
pub struct Daemon {
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    edge: Arc<Edge>,
    limits: Limits,
    tls: ServerConfig,
}

impl Daemon {
    /// A server over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>, tls: ServerConfig, limits: Limits, installation: Installation) -> Self {
        let metrics = Arc::new(Metrics::new());
        let edge = Arc::new(Edge::new(engine.clone(), metrics.clone(), limits.clone(), installation));
        Self { engine, metrics, edge, limits, tls }
    }

    /// Serves until `stop` completes, then drains: no new connections, what is in flight may end within the limit.
    ///
    /// # Errors
    /// [`ServeError`] when serving cannot begin or ends by itself.
    pub async fn run(self, listeners: Listeners, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let (reporter, health) = tonic_health::server::health_reporter();
        let services = dispatch(&self.edge, self.limits.message_len, standard_services(health)?);
        let (acceptor, connections) = Acceptor::new(self.tls, &self.limits, self.metrics.clone());
        let (drain, draining) = oneshot::channel();
        let mut grpc = tokio::spawn(serve_grpc(self.limits.clone(), services, connections, draining));
        // Dropping the set ends its tasks.
        let mut tasks = JoinSet::new();
        tasks.spawn(acceptor.run(listeners.grpc));
        tasks.spawn(watch_health(self.engine.clone(), reporter.clone(), self.metrics.clone()));
        tasks.spawn(watch_state(self.engine.clone(), self.metrics.clone()));
        let http = self.limits.http_connections;
        if let Some(listener) = listeners.ledger {
            tasks.spawn(serve_http(listener, ledger_routes(self.engine.clone()), http));
        }
        if let Some(listener) = listeners.metrics {
            tasks.spawn(serve_http(listener, metrics_routes(self.engine.clone(), self.metrics), http));
        }
        tokio::select! {
            () = self.engine.journal_ended() => return Err(ServeError::Journal),
            ended = &mut grpc => return Err(ServeError::Ended(ended.ok().and_then(Result::err))),
            () = stop => {}
        }
        drop(tasks);
        finish(drain, grpc, &reporter, &self.edge, self.limits.drain).await;
        Ok(())
    }
}

/// Serves a sealed server until enough shares are there: how it was opened, or nothing when it is to stop. Whoever is connected then is
/// asked to connect anew.
///
/// # Errors
/// [`ServeError`] when serving cannot begin or ends by itself.
pub(crate) async fn serve_sealed(
    root: &SplitRoot,
    pins: Vec<[u8; 32]>,
    listener: TcpListener,
    tls: ServerConfig,
    limits: &Limits,
    stop: impl Future<Output = ()>,
) -> Result<Option<Opened>, ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    report_draining(&reporter, false).await;
    let services = Sealed::new(root, pins, standard_services(health)?);
    let (threshold, custodians) = services.terms();
    tracing::warn!(threshold, custodians, "sealed: the root is split, and shares are awaited");
    let (acceptor, connections) = Acceptor::new(tls, limits, Arc::new(Metrics::new()));
    let (drain, draining) = oneshot::channel();
    let mut grpc = tokio::spawn(serve_grpc(limits.clone(), services.clone(), connections, draining));
    let mut tasks = JoinSet::new();
    tasks.spawn(acceptor.run(listener));
    let opened = tokio::select! {
        ended = &mut grpc => return Err(ServeError::Ended(ended.ok().and_then(Result::err))),
        how = services.opened() => how,
        () = stop => None,
    };
    drop(tasks);
    // The last share's answer goes out before the connections do.
    let _ = drain.send(());
    drop(tokio::time::timeout(limits.drain, grpc).await);
    Ok(opened)
}

/// Asks every connection to go and waits for what is in flight, at most as long as the limit says.
async fn finish(
    drain: oneshot::Sender<()>,
    grpc: JoinHandle<Result<(), tonic::transport::Error>>,
    reporter: &HealthReporter,
    edge: &Edge,
    limit: Duration,
) {
    tracing::info!("draining");
    report_draining(reporter, edge.is_holder()).await;
    let end = Instant::now() + limit;
    // Nobody listens when the server has just ended by itself.
    let _ = drain.send(());
    let connections_gone = timeout_at(end, grpc).await.is_ok();
    let changes_done = timeout_at(end, edge.changes_done()).await.is_ok();
    tracing::info!(connections_gone, changes_done, "drained");
}

async fn serve_grpc<S>(
    limits: Limits,
    services: S,
    connections: mpsc::Receiver<Connection>,
    draining: oneshot::Receiver<()>,
) -> Result<(), tonic::transport::Error>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let incoming = ReceiverStream::new(connections).map(Ok::<_, Infallible>);
    let drain = async {
        // A dropped sender means the same.
        let _ = draining.await;
    };
    // No grace is told to tonic: it would replace the orderly end (GOAWAY) by a cut. `Guarded` cuts those who stay.
    Server::builder()
        .timeout(limits.call_timeout + TRANSPORT_MARGIN)
        .max_concurrent_streams(limits.streams_per_connection)
        .max_connection_age(limits.connection_age)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(limits.header_list_len)
        .http2_max_pending_accept_reset_streams(Some(RESET_STREAMS_MAX))
        .serve_with_incoming_shutdown(services, incoming, drain)
        .await
}

async fn serve_http(listener: TcpListener, routes: Router, connections: usize) {
    // It never ends by itself; the task is ended with its set.
    if let Err(error) = axum::serve(Bounded::new(listener, connections), routes).await {
        tracing::error!(%error, "an HTTP listener ended");
    }
}

/// Health and reflection, which stand beside the services proper.
fn standard_services(health: HealthServer<impl Health>) -> Result<Routes, ServeError> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(hufu_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    Ok(Routes::new(health).add_service(reflection))
}
