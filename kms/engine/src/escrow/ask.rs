//! What is asked of the process that opens shares.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::{Error, Reason};
use hufu_opener::{Answer, OpenerError, Refused, ShareOpener, Task, Wrong};

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
        match self.answer(task, deadline).await? {
            Answer::Refused(refused) => Err(refusal(&refused)),
            answer => Ok(answer),
        }
    }

    /// Has shares opened. What does not belong is told apart where there are too few others: these can be struck out.
    ///
    /// # Errors
    /// As [`Self::ask_opener`].
    pub(crate) async fn open_shares(
        &self,
        task: &Task,
        deadline: Instant,
    ) -> Result<Result<Answer, Vec<Wrong>>, Error> {
        match self.answer(task, deadline).await? {
            Answer::Refused(Refused::Shares(wrong, _)) if !wrong.is_empty() => Ok(Err(wrong)),
            Answer::Refused(refused) => Err(refusal(&refused)),
            answer => Ok(Ok(answer)),
        }
    }

    async fn answer(&self, task: &Task, deadline: Instant) -> Result<Answer, Error> {
        let off = || Error::new(Reason::UnsupportedByBackend, "this server splits no keys and puts none together");
        let opener = self.opener.as_ref().ok_or_else(off)?;
        opener.perform(task, deadline).await.map_err(unanswered)
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
        Refused::Shares(..) | Refused::OtherKey | Refused::Manifest(_) => Reason::ShareRefused,
        Refused::Terms(_) => Reason::InvalidArgument,
        Refused::Failed(_) => Reason::BackendUnavailable,
    };
    Error::new(reason, refused.to_string())
}
