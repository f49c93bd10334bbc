//! The gRPC edge of the service and the daemon `hufud`.
//!
//! A connection passes [`net`] (TLS 1.3, client certificate, limits), a request passes [`rpc`] (who calls, how often,
//! until when) and is turned into the engine's types in [`wire`]; errors are rendered in [`error`] and nowhere else.

pub mod args;
pub mod daemon;
pub mod error;
pub mod http;
pub mod init;
pub mod limits;
pub mod logging;
pub mod metrics;
pub mod net;
pub mod roots;
pub mod rpc;
mod sealed;
pub mod serve;
pub mod shares;
pub mod wire;
