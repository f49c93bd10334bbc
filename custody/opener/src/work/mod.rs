//! The work itself.

mod combine;
mod split;
mod wrap;

use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::Rng;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

use crate::{Answer, OpenerError, Refused, ShareOpener, Task};

/// Makes key material in the form in which keys travel: PKCS #8 of a private key, the bytes of a secret one; and the
/// SubjectPublicKeyInfo of a pair, DER. It is given to the opener, because it belongs to an adapter.
pub type Make = fn(Algorithm, &dyn Rng) -> Result<(SecretBytes, Option<Vec<u8>>), BackendError>;

/// Does tasks in this very process: the child's, or a test's.
pub struct Opener {
    make: Make,
    rng: Arc<dyn Rng>,
}

impl Opener {
    /// One with a way to make keys and a source of randomness.
    #[must_use]
    pub fn new(make: Make, rng: Arc<dyn Rng>) -> Self {
        Self { make, rng }
    }

    /// Does a task.
    #[must_use]
    pub fn answer(&self, task: &Task) -> Answer {
        let rng = self.rng.as_ref();
        let done = match task {
            Task::Split(task) => split::split(task, self.make, rng),
            Task::Recover(task) => combine::recover(task, rng),
            Task::Rehearse(opening) => combine::rehearse(opening),
            Task::Redeal(task) => combine::redeal(task, rng),
        };
        done.unwrap_or_else(Answer::Refused)
    }
}

impl ShareOpener for Opener {
    fn perform<'a>(&'a self, task: &'a Task, _: Instant) -> BoxFuture<'a, Result<Answer, OpenerError>> {
        Box::pin(async move { Ok(self.answer(task)) })
    }
}

impl From<hufu_shares::Error> for Refused {
    fn from(error: hufu_shares::Error) -> Self {
        use hufu_shares::Error;
        match error {
            Error::OtherSecret => Self::OtherKey,
            error @ (Error::Dealer | Error::OtherManifest | Error::Manifest(_)) => Self::Manifest(error.to_string()),
            error @ (Error::Random(_) | Error::Custodian(_)) => Self::Failed(error.to_string()),
            error => Self::Terms(error.to_string()),
        }
    }
}
