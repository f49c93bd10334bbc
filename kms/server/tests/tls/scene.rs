//! A listener under test and its clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hufu_server::limits::Limits;
use hufu_server::metrics::Metrics;
use hufu_server::net::{Acceptor, Connection, server_config};
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::pki::{Authority, Identity};

/// Longer than anything here should take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A listener, its authority, and where its connections come out.
pub(crate) struct Scene {
    pub(crate) authority: Authority,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) connections: mpsc::Receiver<Connection>,
}

impl Scene {
    pub(crate) async fn new(limits: Limits) -> Self {
        let authority = Authority::new();
        let metrics = Arc::new(Metrics::new());
        let config = server_config(authority.server()).unwrap();
        let (acceptor, connections) = Acceptor::new(config, &limits, metrics.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(acceptor.run(listener));
        Self { authority, address, metrics, connections }
    }

    /// Shakes hands as that client. In TLS 1.3 it succeeds before the server has judged the certificate.
    pub(crate) async fn connect(&self, identity: Option<&Identity>) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_with(identity, &[b"h2"]).await
    }

    pub(crate) async fn connect_with(
        &self,
        identity: Option<&Identity>,
        alpn: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(self.authority.client(identity, alpn));
        let stream = TcpStream::connect(self.address).await?;
        timeout(PATIENCE, connector.connect(ServerName::try_from("localhost").unwrap(), stream)).await?
    }

    /// The next connection that was let in.
    pub(crate) async fn admitted(&mut self) -> Connection {
        timeout(PATIENCE, self.connections.recv()).await.unwrap().unwrap()
    }

    /// Waits until a metric has reached a value, and checks that nobody was let in meanwhile.
    pub(crate) async fn refused(&mut self, metric: &str, count: u64) {
        for _ in 0..1_000 {
            if self.count(metric) >= count {
                assert!(self.connections.try_recv().is_err(), "someone was let in");
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("`{metric}` is {} and not {count}", self.count(metric));
    }

    /// The value of a counter or gauge.
    pub(crate) fn count(&self, metric: &str) -> u64 {
        let text = self.metrics.encode().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(metric));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }
}

pub(crate) const REFUSED: &str = "hufu_tls_handshakes_failed_total{cause=\"refused\"}";
pub(crate) const TIMEOUT: &str = "hufu_tls_handshakes_failed_total{cause=\"timeout\"}";
pub(crate) const DISPLACED: &str = "hufu_tls_handshakes_failed_total{cause=\"displaced\"}";
