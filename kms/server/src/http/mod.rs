//! What is served over plain HTTP/1: the public ledger, and metrics for operators.

mod ledger;
mod listener;
mod metrics;

pub use ledger::ledger_routes;
pub use listener::Bounded;
pub use metrics::metrics_routes;
