//! The seam to whoever opens shares.

use std::time::Instant;

use hufu_core::BoxFuture;

use crate::{Answer, Task};

/// Whatever does a [`Task`].
pub trait ShareOpener: Send + Sync + 'static {
    /// Does one task, or fails before the deadline. What was not answered had no effect: it can be asked again.
    ///
    /// # Errors
    /// [`OpenerError`] when there is no answer. That something is refused is an [`Answer`].
    fn perform<'a>(&'a self, task: &'a Task, deadline: Instant) -> BoxFuture<'a, Result<Answer, OpenerError>>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenerError {
    /// The process could not be started, or the socket to it failed.
    #[error("the process that opens shares: {0}")]
    Process(#[from] std::io::Error),
    /// The deadline passed; the process was ended.
    #[error("the process that opens shares did not answer before the deadline")]
    Deadline,
    /// It ended without an answer.
    #[error("the process that opens shares ended without an answer")]
    Ended,
    /// It answered something that is no answer.
    #[error("the process that opens shares answered out of turn")]
    Malformed,
    /// The task is longer than any that there can be.
    #[error("the task is too long")]
    TooLong,
}
