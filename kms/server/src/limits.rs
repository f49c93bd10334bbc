//! Every limit of the edge, with its default.

use std::time::Duration;

/// What the edge allows. Whatever is beyond is refused or cut off, and counted.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open authenticated connections, in all.
    pub connections: usize,
    /// Open authenticated connections of one peer address (IPv6: of one /64).
    pub connections_per_peer: usize,
    /// Handshakes under way, in all. The oldest gives way to a newer one.
    pub handshakes: usize,
    /// Handshakes under way of one peer address.
    pub handshakes_per_peer: usize,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// Age at which a connection is asked to go.
    pub connection_age: Duration,
    /// How much longer it may stay for what is in flight.
    pub connection_grace: Duration,
    /// Calls in flight on one connection (HTTP/2 streams).
    pub streams_per_connection: u32,
    /// Longest time for one call, whatever the caller says.
    pub call_timeout: Duration,
    /// Largest request, in bytes.
    pub message_len: usize,
    /// Largest header list of a request, in bytes.
    pub header_list_len: u32,
    /// State-changing calls under way, in all.
    pub changes: usize,
    /// Calls a second of one principal.
    pub principal_rate: u32,
    /// Calls a second of one tenant.
    pub tenant_rate: u32,
    /// Operations of one tenant under way at backends. More wait for their turn, which keeps room in every queue for
    /// other tenants and for the service itself.
    pub tenant_operations: usize,
    /// Bytes of long requests held in memory, in all.
    pub bodies_len: usize,
    /// Connections to each HTTP listener (ledger, metrics).
    pub http_connections: usize,
    /// How long draining may take at the end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_peer: 512,
            handshakes: 128,
            handshakes_per_peer: 64,
            handshake_timeout: Duration::from_secs(5),
            connection_age: Duration::from_secs(3_600),
            connection_grace: Duration::from_secs(60),
            streams_per_connection: 64,
            call_timeout: Duration::from_secs(30),
            message_len: 4 << 20,
            header_list_len: 16 << 10,
            changes: 1_024,
            principal_rate: 50_000,
            tenant_rate: 100_000,
            tenant_operations: 256,
            bodies_len: 256 << 20,
            http_connections: 128,
            drain: Duration::from_secs(10),
        }
    }
}
