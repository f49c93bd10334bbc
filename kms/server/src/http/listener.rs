//! A listener whose connections are limited in number and in age.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

use crate::net::{Admission, Guarded, PeerKey, Slot};

/// Greatest age of a connection: whoever dribbles a request loses it.
const AGE_MAX: Duration = Duration::from_secs(60);

/// How long to wait after a failed accept.
const PAUSE: Duration = Duration::from_millis(50);

/// A TCP listener under limits.
pub struct Bounded {
    listener: TcpListener,
    admission: Arc<Admission>,
}

impl Bounded {
    /// Limits a listener to so many connections, half of them for one peer at most.
    #[must_use]
    pub fn new(listener: TcpListener, connections: usize) -> Self {
        Self { listener, admission: Admission::new(connections, connections.div_ceil(2)) }
    }
}

impl Listener for Bounded {
    type Io = Guarded<TcpStream, Slot>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Beyond the limit the connection is closed at once.
                    if let Some(slot) = self.admission.enter(PeerKey::of(address.ip())) {
                        return (Guarded::new(stream, slot, (), AGE_MAX), address);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
