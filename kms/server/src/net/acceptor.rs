//! Accepts connections, shakes hands under limits, and hands on those that are authenticated.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admission::Slot;
use super::quota::Quota;
use super::tls::{ALPN_HTTP2, pin};
use super::{Admission, Guarded, Peer, PeerKey, Ticket, Waiting};
use crate::limits::Limits;
use crate::metrics::{HandshakeFailure, Metrics};

/// How long to wait after a failed accept, which most often means that file descriptors have run out.
const PAUSE: Duration = Duration::from_millis(50);

/// Authenticated connections that wait for the HTTP/2 server to take them.
const READY_MAX: usize = 64;

/// Refused handshakes that are logged in each [`TOLD_PERIOD`]: anybody who reaches the port can make them.
const TOLD_MAX: u32 = 10;
const TOLD_PERIOD: Duration = Duration::from_secs(10);

/// An authenticated connection.
pub type Connection = Guarded<TlsStream<TcpStream>, Open, Peer>;

/// Accepts and authenticates connections.
pub struct Acceptor {
    tls: TlsAcceptor,
    waiting: Arc<Waiting>,
    admission: Arc<Admission>,
    limits: Limits,
    metrics: Arc<Metrics>,
    told: Quota,
    ready: mpsc::Sender<Connection>,
}

/// A counted open connection.
pub struct Open {
    _slot: Slot,
    metrics: Arc<Metrics>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

impl Acceptor {
    /// An acceptor, and where its connections come out.
    #[must_use]
    pub fn new(tls: ServerConfig, limits: &Limits, metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Connection>) {
        let (ready, connections) = mpsc::channel(READY_MAX);
        let acceptor = Self {
            tls: TlsAcceptor::from(Arc::new(tls)),
            waiting: Waiting::new(limits.handshakes, limits.handshakes_per_peer),
            admission: Admission::new(limits.connections, limits.connections_per_peer),
            limits: limits.clone(),
            metrics,
            told: Quota::new(TOLD_MAX, TOLD_PERIOD),
            ready,
        };
        (acceptor, connections)
    }

    /// Accepts for ever; drop it to stop.
    pub async fn run(self, listener: TcpListener) {
        let acceptor = Arc::new(self);
        loop {
            match listener.accept().await {
                Ok((stream, address)) => acceptor.clone().begin(stream, address),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Starts a handshake. Its task ends within the handshake timeout, or at once when it is displaced.
    fn begin(self: Arc<Self>, stream: TcpStream, address: SocketAddr) {
        let ticket = self.waiting.enter(PeerKey::of(address.ip()));
        tokio::spawn(async move {
            match self.shake(stream, ticket).await {
                Ok(stream) => self.admit(stream, address).await,
                Err((HandshakeFailure::Refused, cause)) => self.refused(address, &cause.unwrap_or_default()),
                Err((failure, _)) => {
                    self.metrics.handshake_failed(failure);
                    tracing::debug!(peer = %address, ?failure, "handshake failed");
                }
            }
        });
    }

    async fn shake(
        &self,
        stream: TcpStream,
        mut ticket: Ticket,
    ) -> Result<TlsStream<TcpStream>, (HandshakeFailure, Option<String>)> {
        // Small answers must not wait for more; a socket that refuses is as good as closed.
        let _ = stream.set_nodelay(true);
        let handshake = timeout(self.limits.handshake_timeout, self.tls.accept(stream));
        let outcome = tokio::select! {
            outcome = handshake => outcome,
            () = ticket.displaced() => return Err((HandshakeFailure::Displaced, None)),
        };
        match outcome {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err((HandshakeFailure::Refused, Some(error.to_string()))),
            Err(_) => Err((HandshakeFailure::Timeout, None)),
        }
    }

    /// Counts a refusal, and tells the operator why: the client learns it badly or not at all.
    fn refused(&self, address: SocketAddr, cause: &str) {
        self.metrics.handshake_failed(HandshakeFailure::Refused);
        if let Some(left_out) = self.told.take(Instant::now()) {
            tracing::info!(peer = %address, cause, left_out, "handshake refused");
        }
    }

    async fn admit(&self, stream: TlsStream<TcpStream>, address: SocketAddr) {
        let Some(peer) = identify(&stream, address) else {
            self.refused(address, "the client does not speak HTTP/2");
            return;
        };
        let Some(slot) = self.admission.enter(PeerKey::of(address.ip())) else {
            self.metrics.connections_refused.inc();
            tracing::warn!(peer = %address, "too many connections");
            return;
        };
        self.metrics.connections.inc();
        let open = Open { _slot: slot, metrics: self.metrics.clone() };
        let age_max = self.limits.connection_age + self.limits.connection_grace;
        // It fails only when the server has stopped taking connections.
        let _ = self.ready.send(Guarded::new(stream, open, peer, age_max)).await;
    }
}

/// Who is there. The verifier has seen the certificate already; without HTTP/2 there is nothing to talk about.
fn identify(stream: &TlsStream<TcpStream>, address: SocketAddr) -> Option<Peer> {
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(ALPN_HTTP2) {
        return None;
    }
    let certificate = session.peer_certificates()?.first()?;
    Some(Peer { address, pin: pin(certificate)? })
}
