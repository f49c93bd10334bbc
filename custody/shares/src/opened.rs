//! A share that its custodian, or whoever it was handed over to, has opened.

use hufu_custodian::Name;
use hufu_secret::SecretBytes;

use crate::{Fault, Manifest, ManifestDigest, Refusal, Seat, SetId};

/// An opened share. It is what was committed to: nobody has one that was not checked.
#[derive(Debug)]
pub struct OpenedShare {
    set: SetId,
    epoch: u32,
    manifest: ManifestDigest,
    index: u8,
    custodian: Name,
    content: SecretBytes,
}

impl OpenedShare {
    /// Checks what was opened against the manifest.
    pub(crate) fn checked(
        manifest: &Manifest,
        seat: &Seat,
        index: u8,
        content: SecretBytes,
    ) -> Result<Self, Refusal> {
        let custodian = seat.custodian.clone();
        match manifest.check_share(index, &content) {
            Ok(()) => Ok(Self {
                set: manifest.set(),
                epoch: manifest.epoch(),
                manifest: manifest.digest(),
                index,
                custodian,
                content,
            }),
            Err(fault) => Err(Refusal { custodian, index, fault }),
        }
    }

    /// The set that it is of.
    #[must_use]
    pub fn set(&self) -> SetId {
        self.set
    }

    /// The epoch that it is of.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The manifest that it was checked against.
    #[must_use]
    pub fn manifest(&self) -> ManifestDigest {
        self.manifest
    }

    /// Which share it is, from 1.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whose it is.
    #[must_use]
    pub fn custodian(&self) -> &Name {
        &self.custodian
    }

    /// Why it is refused.
    pub(crate) fn refused(&self, fault: Fault) -> Refusal {
        Refusal { custodian: self.custodian.clone(), index: self.index, fault }
    }

    /// Blind and share, or the scalar.
    pub(crate) fn content(&self) -> &SecretBytes {
        &self.content
    }
}
