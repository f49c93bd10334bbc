//! A root without an HSM, as a start finds it: the public part of its share set, and a master key that is not there yet.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle};
use hufu_core::record::Locator;
use hufu_core::store::Store;
use hufu_custodian::{Label, Roster, armour};
use hufu_engine::{RootOpening, root_shares};
use hufu_sealed::{MasterKey, Opened, SealedBackend, Unsealing};
use hufu_secret::SecretBytes;
use hufu_shares::SignedManifest;

use crate::config::{Config, CustodiansConfig};
use crate::files;
use crate::open::{Error, check_begun, open_store};

/// What stands for the token in the database.
pub(crate) const CUSTODIANS: &str = "custodians";

/// Longest file of a roster or a share set, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// A root that is split among custodians.
pub struct SplitRoot {
    /// The first manifest, of the configuration: who dealt it deals all of them.
    first: SignedManifest,
    /// The manifest of the shares that count.
    manifest: SignedManifest,
    roster: Roster,
    master: Arc<MasterKey>,
    opening: Option<RootOpening>,
}

impl SplitRoot {
    /// Finds the shares that count: those that a ceremony dealt, as the database tells, or the first ones, whose files the configuration
    /// names. Nothing where a token keeps the root.
    ///
    /// # Errors
    /// [`Error::Split`] when the files are not of one splitting, or the database tells of other shares than the log's key signed for;
    /// [`Error::Empty`].
    pub async fn find(config: &Config) -> Result<Option<Self>, Error> {
        let Some(custodians) = &config.custodians else { return Ok(None) };
        let roster = read_roster(custodians)?;
        let first = SignedManifest::from_bytes(&read(Label::ShareManifest, &custodians.set)?).map_err(refused)?;
        if first.unverified().roster() != roster.hash() {
            return Err(Error::Split(format!("`{}` was split under another roster", custodians.set.display())));
        }
        let store = open_store(&config.storage, config.mode).await?;
        // A first start would put a new deployment under shares that belong to another one.
        check_begun(store.as_ref()).await?;
        let (manifest, roster) = match root_shares(store.as_ref(), &first).await.map_err(unsound)? {
            Some(dealt) => dealt,
            None => (first.clone(), roster),
        };
        Ok(Some(Self { first, manifest, roster, master: Arc::new(MasterKey::sealed()), opening: None }))
    }

    /// Whether the shares that opened it still count: a ceremony may have dealt others while they were awaited.
    ///
    /// # Errors
    /// [`Error::Split`].
    pub(crate) async fn check_current(&self, store: &dyn Store) -> Result<(), Error> {
        let now = root_shares(store, &self.first).await.map_err(unsound)?;
        let now = now.map_or_else(|| self.first.clone(), |(manifest, _)| manifest);
        if now.digest() == self.manifest.digest() {
            return Ok(());
        }
        let (now, used) = (now.unverified().epoch(), self.manifest.unverified().epoch());
        Err(Error::Split(format!(
            "shares of epoch {used} were brought, and those of epoch {now} count since: start the server again"
        )))
    }

    /// Begins to gather its shares.
    #[must_use]
    pub fn unsealing(&self) -> Unsealing {
        Unsealing::new(self.manifest.clone(), self.roster.clone(), self.master.clone())
    }

    /// Remembers how it was opened, by a server that showed a certificate of that SHA-256: it is written down with the start.
    pub fn opened(&mut self, how: Opened, certificate: [u8; 32]) {
        let Opened { by, request, statements, at_ms } = how;
        let (roster, manifest) = (self.roster.clone(), self.manifest.clone());
        self.opening = Some(RootOpening { roster, manifest, certificate, request, statements, by, at_ms });
    }

    /// How it was opened, once it is.
    pub(crate) fn opening(&self) -> Option<&RootOpening> {
        self.opening.as_ref()
    }

    /// What takes the place of the token.
    pub(crate) fn backend(&self, rng: Arc<dyn Rng>) -> Result<Arc<dyn KeyBackend>, Error> {
        Ok(Arc::new(SealedBackend::new(self.master.clone(), rng)?))
    }

    /// What the engine replaces the shares with.
    pub(crate) fn held(&self, rng: Arc<dyn Rng>) -> Result<Arc<dyn hufu_engine::SplitRoot>, Error> {
        let backend = SealedBackend::new(self.master.clone(), rng)?;
        Ok(Arc::new(HeldTogether { manifest: self.manifest.clone(), backend }))
    }
}

/// The root as the engine sees it.
struct HeldTogether {
    manifest: SignedManifest,
    backend: SealedBackend,
}

impl hufu_engine::SplitRoot for HeldTogether {
    fn manifest(&self) -> &SignedManifest {
        &self.manifest
    }

    fn rewrapped<'a>(
        &'a self,
        keys: &'a [KeyHandle],
        under: SecretBytes,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<Locator>, BackendError>> {
        Box::pin(async move {
            let under = MasterKey::of(under)?;
            let mut moved = Vec::with_capacity(keys.len());
            for key in keys {
                moved.push(self.backend.rewrapped(key, &under, deadline).await?);
            }
            Ok(moved)
        })
    }
}

/// The roster of a configuration.
pub(crate) fn read_roster(custodians: &CustodiansConfig) -> Result<Roster, Error> {
    Roster::from_bytes(&read(Label::Roster, &custodians.roster)?).map_err(refused)
}

fn read(label: Label, path: &Path) -> Result<Vec<u8>, Error> {
    let text = files::read_text(path, FILE_LEN_MAX)?;
    armour::read_as(label, &text).map_err(|error| Error::Split(format!("`{}`: {error}", path.display())))
}

fn unsound(error: hufu_core::Error) -> Error {
    Error::Split(error.message().to_owned())
}

pub(crate) fn refused(error: impl std::fmt::Display) -> Error {
    Error::Split(error.to_string())
}
