//! The network side: TLS, its limits, and connections as the services see them.
//!
//! A connection is first one of a bounded number of handshakes under way, of which the oldest gives way to a newer one;
//! then one of a bounded number of authenticated connections, which are never displaced. Whoever only opens sockets
//! therefore harms nobody who has a certificate.

mod acceptor;
mod admission;
mod guarded;
mod quota;
mod tls;
mod waiting;

pub use acceptor::{Acceptor, Connection, Open};
pub use admission::{Admission, PeerKey, Slot};
pub use guarded::Guarded;
pub use tls::{TlsError, TlsIdentity, server_config};
pub use waiting::{Ticket, Waiting};

use std::net::SocketAddr;

/// Who is at the other end of a connection; every request carries it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// SHA-256 of the SubjectPublicKeyInfo of its certificate, computed once a connection.
    pub pin: [u8; 32],
}
