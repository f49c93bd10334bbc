//! The next master key of custodians, sealed by the root key until it counts: whichever server goes on can open it.

use std::sync::Arc;

use hufu_core::name::SetId;
use hufu_core::record::{FIRST_ROOT_SLOT, NextMaster};
use hufu_core::{Error, Reason};
use hufu_secret::SecretBytes;

use super::keyring::Keyring;
use super::root::Root;
use crate::fault;

impl Keyring {
    /// Seals a master key, whose shares are of that manifest.
    ///
    /// # Errors
    /// Those of the root key's backend.
    pub(crate) async fn seal_master(
        &self,
        set: SetId,
        manifest: [u8; 32],
        master: &SecretBytes,
    ) -> Result<NextMaster, Error> {
        let root = self.first_root()?;
        let aad = NextMaster::binding(&root.deployment, set, &manifest);
        let sealed = root.seal_bound(&aad, master, self.rng.as_ref()).await.map_err(fault::backend)?;
        Ok(NextMaster { set, manifest, sealed })
    }

    /// Opens it again.
    ///
    /// # Errors
    /// Those of the root key's backend.
    pub(crate) async fn open_master(&self, next: &NextMaster) -> Result<SecretBytes, Error> {
        let root = self.first_root()?;
        let aad = NextMaster::binding(&root.deployment, next.set, &next.manifest);
        root.open_bound("the next master key", &aad, &next.sealed).await.map_err(fault::backend)
    }

    fn first_root(&self) -> Result<Arc<Root>, Error> {
        let first = self.roots().into_iter().find(|root| root.slot() == FIRST_ROOT_SLOT);
        first.ok_or_else(|| Error::new(Reason::BackendUnavailable, "the first root slot is not there"))
    }
}
