//! A root that custodians hold together: which shares count, and the server's hold on the master key.
//!
//! Each epoch of the root's share set is of a master key of its own. The first set of shares is written to files before there is a
//! database; the set comes into the database when a ceremony deals the second one.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, KeyHandle};
use hufu_core::changeset::{Collection, Row};
use hufu_core::name::SetId;
use hufu_core::record::{CeremonyFile, Locator, Record as _, ShareSetRecord};
use hufu_core::store::Store;
use hufu_core::{Error, Reason};
use hufu_custodian::Roster;
use hufu_log::leaf_scope;
use hufu_secret::SecretBytes;
use hufu_shares::{Epochs, Manifest, SignedManifest};

use crate::alarms::QUARANTINE;
use crate::ceremonies::roster_id;
use crate::engine::Engine;
use crate::fault;
use crate::shares::StoredSet;

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
/// Those of the database; [`Reason::Quarantined`] for rows that the dealer did not sign, or that name a roster that is not there. A row
/// of something else under the root's id is no row of the root's: it is logged, and stops no start.
pub async fn root_shares(
    store: &dyn Store,
    first: &SignedManifest,
) -> Result<Option<(SignedManifest, Roster)>, Error> {
    let locked = |why: &str| Error::new(Reason::Quarantined, format!("the share set of the root: {why}"));
    let set = SetId(first.unverified().set().0);
    let row = store.get(Collection::ShareSet, &set.to_string()).await.map_err(fault::store)?;
    let Some(row) = row else { return Ok(None) };
    let record = ShareSetRecord::from_row(&row).map_err(|_| locked("the row is malformed"))?;
    if !is_filed_as_root(&record, first) {
        return Ok(none_in_place_of(set));
    }
    let epochs = Epochs::from_bytes(&record.epochs, first.unverified().dealer())
        .map_err(|_| locked("the log's key did not sign its epochs"))?;
    let now = epochs.current();
    if !is_dealt_of_root(now.manifest(), first) {
        return Ok(none_in_place_of(set));
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

fn is_filed_as_root(record: &ShareSetRecord, root: &SignedManifest) -> bool {
    record.tenant.is_system() && record.subject == root.unverified().subject().name
}

fn is_dealt_of_root(manifest: &Manifest, root: &SignedManifest) -> bool {
    manifest.set() == root.unverified().set() && manifest.subject() == root.unverified().subject()
}

fn none_in_place_of<T>(set: SetId) -> Option<T> {
    tracing::error!(%set, "a row of something else is under the id of the root's share set: the start goes on without it");
    None
}

/// The root's share set: in the database, or as the first manifest alone begins it.
pub(crate) struct RootSet {
    /// Nothing before a second epoch was dealt.
    pub(crate) stored: Option<StoredSet>,
    pub(crate) epochs: Epochs,
    /// What is under its id meanwhile, of something else: the root's own row takes its place.
    pub(crate) squatter: Option<Squatter>,
}

/// A row under the root's id that is not the root's, and where its leaves end.
#[derive(Clone, Copy)]
pub(crate) struct Squatter {
    pub(crate) revision: u64,
    /// Sequence and hash of its newest leaf; nothing where the ledger does not know it.
    pub(crate) leaf: Option<(u64, [u8; 32])>,
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
        let row = self.store.get(Collection::ShareSet, &set.to_string()).await.map_err(fault::store)?;
        let Some(row) = row else {
            self.check_no_root_leaf(set).await?;
            return self.root_before_rows(used, None);
        };
        let record = ShareSetRecord::from_row(&row).ok();
        if record.is_some_and(|record| !is_filed_as_root(&record, used)) {
            return self.root_behind(used, &row).await;
        }
        let stored = self.share_set_of(&row).await?;
        if is_dealt_of_root(stored.in_force(), used) {
            return Ok(RootSet { epochs: stored.epochs.clone(), stored: Some(stored), squatter: None });
        }
        self.root_behind(used, &row).await
    }

    /// The root's set behind a row of something else. The service has written it, before it refused such sets, and then the root never
    /// had a row; or somebody else has, and then the ledger does not know it.
    async fn root_behind(&self, used: &SignedManifest, row: &Row) -> Result<RootSet, Error> {
        let set = SetId(used.unverified().set().0);
        let leaf = if self.keyring.integrity().open::<ShareSetRecord>(row).is_ok() {
            let record = self.share_set_of(row).await?.record;
            Some((record.sequence, record.last_leaf))
        } else {
            self.check_no_root_leaf(set).await?;
            None
        };
        let why = "a row of something else is under the id of the root's share set";
        self.alarms.raise(QUARANTINE, &format!("shareSets/{set}"), why);
        self.root_before_rows(used, Some(Squatter { revision: row.revision, leaf }))
    }

    fn root_before_rows(&self, used: &SignedManifest, squatter: Option<Squatter>) -> Result<RootSet, Error> {
        let first = Epochs::new(used.clone(), &self.dealer()?);
        let epochs = first.map_err(|error| crate::shares::refused(&error))?;
        Ok(RootSet { stored: None, epochs, squatter })
    }

    async fn check_no_root_leaf(&self, set: SetId) -> Result<(), Error> {
        let scope = leaf_scope(&self.set_ledger_id(set));
        if self.store.last(Collection::Leaf, &scope).await.map_err(fault::store)?.is_none() {
            return Ok(());
        }
        let why = "the row of the root's shares is missing, and the ledger knows it";
        Err(self.directory.quarantine(&format!("shareSets/{set}"), why))
    }

    /// Nothing but the root's own dealing takes its id: whoever had it could keep servers from starting.
    ///
    /// # Errors
    /// [`Reason::ShareRefused`] for the root's.
    pub(crate) fn check_not_root_set(&self, set: SetId) -> Result<(), Error> {
        if !self.is_root_set(set) {
            return Ok(());
        }
        let why = "the id of the set is that of the root's share set";
        Err(Error::new(Reason::ShareRefused, why)
            .field("dealt")
            .help("deal it under an id that was chosen at random"))
    }

    /// Whether a set is the root's.
    pub(crate) fn is_root_set(&self, set: SetId) -> bool {
        self.split.as_ref().is_some_and(|split| split.manifest().unverified().set().0 == set.0)
    }
}
