//! Keys in and out: import through a job, wrap and unwrap under a key of the service, export to a receiver.

mod arrival;
mod closing;
mod envelope;
mod export;
mod import;
mod job;
mod notary;
mod unwrap;
mod wrap;

pub use envelope::read_envelope;
pub(crate) use notary::Notary;
