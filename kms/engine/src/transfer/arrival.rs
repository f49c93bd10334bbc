//! What a key that comes in rests on must still hold when it is committed: its making may last as long as a caller waits.

use hufu_core::changeset::{Collection, Guard};
use hufu_core::name::KeyName;
use hufu_core::policy::Action;
use hufu_core::record::Record;
use hufu_core::{Error, Reason};
use hufu_journal::JournalError;

use crate::api::{Caller, Version};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::{Attempt, Staging};

impl Engine {
    /// Whether the caller may bring the key in, and use what opens it.
    pub(super) fn authorize_arrival(
        &self,
        caller: &Caller,
        action: Action,
        key: &KeyName,
        by: Option<&KeyName>,
    ) -> Result<Permit, Error> {
        let permit = self.authorize(caller, action, &key.tenant, Some(key))?;
        if let Some(by) = by {
            self.authorize(caller, action, &by.tenant, Some(by))?;
        }
        Ok(permit)
    }

    /// Decides once more, now that the material is there. What nobody may bring in any more is undone.
    pub(super) async fn confirm_arrival(
        &self,
        caller: &Caller,
        action: Action,
        attempt: Attempt,
        key: &KeyName,
        by: Option<&KeyName>,
    ) -> Result<(Attempt, Permit), Error> {
        match self.authorize_arrival(caller, action, key, by) {
            Ok(permit) => Ok((attempt, permit)),
            Err(error) => self.give_up(attempt, error).await,
        }
    }
}

/// Commits nothing unless the versions are as they were read.
pub(super) fn rest_on(staging: &mut Staging<'_>, versions: &[&Version]) {
    for version in versions {
        staging.guard(Guard::Revision(Collection::Version, version.record.id(), version.revision));
    }
}

/// The failure of a commit that rests on versions and changes none.
pub(super) fn not_committed(error: JournalError) -> Error {
    match error {
        JournalError::Guarded(Guard::Revision(Collection::Version, id, _)) => Error::new(
            Reason::RevokedMeanwhile,
            "no key was made: the version that was wrapped, or the one that wrapped it, changed meanwhile",
        )
        .help("read the state of both and try again")
        .because(id),
        error => fault::journal(error),
    }
}
