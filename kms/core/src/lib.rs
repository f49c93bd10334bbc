//! Domain types, rules and seams of the key management service.
//!
//! This crate decides what things *are* and what may happen to them. It performs no I/O, names no
//! backend, and depends on nothing of ours but `hufu-secret` and `hufu-codec`. Everything outside it is reached through
//! the traits in [`backend`], [`store`], [`policy`] and [`ambient`].

pub mod algorithm;
pub mod ambient;
pub mod audit;
pub mod backend;
pub mod changes;
pub mod changeset;
pub mod error;
pub mod name;
pub mod policy;
pub mod record;
pub mod revocation;
pub mod rules;
pub mod store;

pub use error::{Error, Reason};
pub use hufu_codec as codec;

/// A boxed, sendable future: what the seams return so that they stay usable behind `dyn`.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
