//! What is asked of the process that opens shares.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::{Error, Reason};
use hufu_opener::{Answer, OpenerError, Refused, ShareOpener, Task};

use crate::engine::Engine;

impl Engine {
    /// The same engine, which has keys split and put together by this.
    #[must_use]
    pub fn opening_shares(self, opener: Arc<dyn ShareOpener>) -> Self {
        Self { opener: Some(opener), ..self }
    }

    /// Has a task done. What is refused is an error here.
    ///
    /// # Errors
    /// [`Reason::ShareRefused`] names whoever brought something wrong; [`Reason::InvalidArgument`] for terms on which nothing can be
    /// shared; [`Reason::DeadlineExceeded`], [`Reason::BackendUnavailable`] when it may be tried again.
    pub(crate) async fn ask_opener(&self, task: &Task, deadline: Instant) -> Result<Answer, Error> {
        let off = || Error::new(Reason::UnsupportedByBackend, "this server splits no keys and puts none together");
        let opener = self.opener.as_ref().ok_or_else(off)?;
        match opener.perform(task, deadline).await.map_err(unanswered)? {
            Answer::Refused(refused) => Err(refusal(&refused)),
            answer => Ok(answer),
        }
    }
}

/// An answer to another task.
pub(crate) fn out_of_turn() -> Error {
    Error::internal("the process that opens shares answered out of turn")
}

fn unanswered(error: OpenerError) -> Error {
    match error {
        OpenerError::Deadline => {
            Error::new(Reason::DeadlineExceeded, "the process that opens shares did not answer before the deadline")
        }
        error => Error::new(Reason::BackendUnavailable, "the process that opens shares cannot do this now")
            .help("try again")
            .because(error),
    }
}

fn refusal(refused: &Refused) -> Error {
    let reason = match refused {
        Refused::Shares(_) | Refused::OtherKey | Refused::Manifest(_) => Reason::ShareRefused,
        Refused::Terms(_) => Reason::InvalidArgument,
        Refused::Failed(_) => Reason::BackendUnavailable,
    };
    Error::new(reason, refused.to_string())
}
