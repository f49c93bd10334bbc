//! A root that custodians hold together: which shares count, and the server's hold on the master key.
//!
//! Each epoch of the root's share set is of a master key of its own. The first set of shares is written to files before there is a
//! database; the set comes into the database when a ceremony deals the second one.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, KeyHandle};
use hufu_core::changeset::Collection;
use hufu_core::name::SetId;
use hufu_core::record::{CeremonyFile, Locator, Record as _, ShareSetRecord};
use hufu_core::store::Store;
use hufu_core::{Error, Reason};
use hufu_custodian::Roster;
use hufu_log::leaf_scope;
use hufu_secret::SecretBytes;
use hufu_shares::{Epochs, SignedManifest};

use crate::ceremonies::roster_id;
use crate::engine::Engine;
use crate::fault;

/// A root that custodians hold together, as this server has it open.
pub trait SplitRoot: Send + Sync {
    /// The manifest of the shares that opened it.
    fn manifest(&self) -> &SignedManifest;

    /// Keys under the master key of this server, wrapped under another one: each proven by opening it there. What is wrapped now opens
    /// as before.
    ///
    /// # Errors
    /// [`BackendError`] for a key that is not under this server's master key, and for a master key of another length.
    fn rewrapped<'a>(
        &'a self,
        keys: &'a [KeyHandle],
        under: SecretBytes,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<Locator>, BackendError>>;
}

/// The shares that count now, if they are others than the first ones: the manifest, and the roster that it was dealt under.
///
/// It is read before anything can open, when the tags of rows cannot be checked. So it takes from the database nothing but what the
/// dealer of the first manifest signed, and the roster whose hash that names. Who can write to the database can hide a newer epoch
/// from it, and such a start opens nothing, or is refused by [`Engine::check_root_shares`].
///
/// # Errors
/// Those of the database; [`Reason::Quarantined`] for rows that the dealer did not sign, or that name a roster that is not there.
pub async fn root_shares(
    store: &dyn Store,
    first: &SignedManifest,
) -> Result<Option<(SignedManifest, Roster)>, Error> {
    let locked = |why: &str| Error::new(Reason::Quarantined, format!("the share set of the root: {why}"));
    let set = SetId(first.unverified().set().0);
    let row = store.get(Collection::ShareSet, &set.to_string()).await.map_err(fault::store)?;
    let Some(row) = row else { return Ok(None) };
    let record = ShareSetRecord::from_row(&row).map_err(|_| locked("the row is malformed"))?;
    let epochs = Epochs::from_bytes(&record.epochs, first.unverified().dealer())
        .map_err(|_| locked("the log's key did not sign its epochs"))?;
    let now = epochs.current();
    if now.manifest().set() != first.unverified().set() || now.manifest().subject() != first.unverified().subject() {
        return Err(locked("it is of something else"));
    }
    if now.signed().digest() == first.digest() {
        return Ok(None);
    }
    let file =
        store.get(Collection::CeremonyFile, &roster_id(now.manifest().roster())).await.map_err(fault::store)?;
    let roster = file.and_then(|row| CeremonyFile::from_row(&row).ok());
    let roster = roster.and_then(|file| Roster::from_bytes(&file.bytes).ok());
    let roster = roster.filter(|roster| roster.hash() == now.manifest().roster());
    Ok(Some((now.signed().clone(), roster.ok_or_else(|| locked("the roster of its custodians is missing"))?)))
}

/// The root's share set: in the database, or as the first manifest alone begins it.
pub(crate) struct RootSet {
    /// Nothing before a second epoch was dealt.
    pub(crate) stored: Option<crate::shares::StoredSet>,
    pub(crate) epochs: Epochs,
}

impl Engine {
    /// The same engine over a root that custodians hold together.
    #[must_use]
    pub fn held_together(self, root: Arc<dyn SplitRoot>) -> Self {
        Self { split: Some(root), ..self }
    }

    /// Whether the shares that opened this server are those that count, by what the ledger says: an older copy of rows does not bring
    /// dead shares back.
    ///
    /// # Errors
    /// [`Reason::WrongState`] when others count; [`Reason::Quarantined`] for rows that are not as the newest leaf says.
    pub async fn check_root_shares(&self) -> Result<(), Error> {
        let Some(split) = &self.split else { return Ok(()) };
        let set = self.root_set(split.as_ref()).await.map_err(|error| match error.reason() {
            Reason::Quarantined => {
                let why = "the rows of the root's shares are not as the ledger tells: they are from an older copy of the database";
                Error::new(Reason::Quarantined, why).help("restore the whole database, or the newer rows")
            }
            _ => error,
        })?;
        let (now, used) = (set.epochs.current(), split.manifest());
        if now.signed().digest() == used.digest() {
            return Ok(());
        }
        let (now, used) = (now.manifest().epoch(), used.unverified().epoch());
        let why = format!("this server was opened by shares of epoch {used}, and those of epoch {now} count");
        Err(Error::new(Reason::WrongState, why).help("start the server again"))
    }

    /// # Errors
    /// [`Reason::UnsupportedByBackend`] where a token keeps the root.
    pub(crate) fn split_root(&self) -> Result<&dyn SplitRoot, Error> {
        self.split.as_deref().ok_or_else(|| {
            Error::new(Reason::UnsupportedByBackend, "the root key is in a token: it is not split among custodians")
        })
    }

    /// # Errors
    /// [`Reason::Quarantined`] for rows that are not as the newest leaf says: an older copy, or none any more.
    pub(crate) async fn root_set(&self, split: &dyn SplitRoot) -> Result<RootSet, Error> {
        let used = split.manifest();
        let set = SetId(used.unverified().set().0);
        match self.share_set(set).await {
            Ok(stored) => Ok(RootSet { epochs: stored.epochs.clone(), stored: Some(stored) }),
            Err(error) if error.reason() == Reason::ShareSetNotFound => {
                let scope = leaf_scope(&self.set_ledger_id(set));
                if self.store.last(Collection::Leaf, &scope).await.map_err(fault::store)?.is_some() {
                    let why = "the row of the root's shares is missing, and the ledger knows it";
                    return Err(self.directory.quarantine(&format!("shareSets/{set}"), why));
                }
                let first = Epochs::new(used.clone(), &self.dealer()?);
                let epochs = first.map_err(|error| crate::shares::refused(&error))?;
                Ok(RootSet { stored: None, epochs })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a set is the root's.
    pub(crate) fn is_root_set(&self, set: SetId) -> bool {
        self.split.as_ref().is_some_and(|split| split.manifest().unverified().set().0 == set.0)
    }
}
