//! A root without an HSM, as a start finds it: the public part of its share set, and a master key that is not there yet.

use std::path::Path;
use std::sync::Arc;

use hufu_core::ambient::Rng;
use hufu_core::backend::KeyBackend;
use hufu_custodian::{Label, Roster, armour};
use hufu_engine::RootOpening;
use hufu_sealed::{MasterKey, Opened, SealedBackend, Unsealing};
use hufu_shares::SignedManifest;

use crate::config::{Config, CustodiansConfig};
use crate::files;
use crate::open::Error;

/// What stands for the token in the database.
pub(crate) const CUSTODIANS: &str = "custodians";

/// Longest file of a roster or a share set, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// A root that is split among custodians.
pub struct SplitRoot {
    manifest: SignedManifest,
    roster: Roster,
    master: Arc<MasterKey>,
    opening: Option<RootOpening>,
}

impl SplitRoot {
    /// Reads the share set of a configuration; nothing where a token keeps the root.
    ///
    /// # Errors
    /// [`Error::Split`] when the files are not of one splitting.
    pub fn read(config: &Config) -> Result<Option<Self>, Error> {
        let Some(custodians) = &config.custodians else { return Ok(None) };
        let roster = read_roster(custodians)?;
        let manifest = SignedManifest::from_bytes(&read(Label::ShareManifest, &custodians.set)?).map_err(refused)?;
        if manifest.unverified().roster() != roster.hash() {
            return Err(Error::Split(format!("`{}` was split under another roster", custodians.set.display())));
        }
        Ok(Some(Self { manifest, roster, master: Arc::new(MasterKey::sealed()), opening: None }))
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
}

/// The roster of a configuration.
pub(crate) fn read_roster(custodians: &CustodiansConfig) -> Result<Roster, Error> {
    Roster::from_bytes(&read(Label::Roster, &custodians.roster)?).map_err(refused)
}

fn read(label: Label, path: &Path) -> Result<Vec<u8>, Error> {
    let text = files::read_text(path, FILE_LEN_MAX)?;
    armour::read_as(label, &text).map_err(|error| Error::Split(format!("`{}`: {error}", path.display())))
}

pub(crate) fn refused(error: impl std::fmt::Display) -> Error {
    Error::Split(error.to_string())
}
