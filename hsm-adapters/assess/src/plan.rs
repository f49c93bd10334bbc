//! What is assessed, and how thoroughly.

use std::path::PathBuf;
use std::time::Duration;

use hufu_pkcs11::{TokenSelector, VendorProfile};
use hufu_secret::SecretBytes;

/// Which token of the module: by serial number or by label.
pub type Selector = TokenSelector;

/// What is assessed, and how thoroughly.
#[derive(Debug)]
pub struct Plan {
    /// Path of the PKCS#11 module.
    pub module: PathBuf,
    /// Which of its tokens.
    pub token: Selector,
    /// PIN of the normal user.
    pub pin: SecretBytes,
    /// The vendor profile; chosen by what the token states when missing.
    pub profile: Option<VendorProfile>,
    /// What the module is initialised with, in place of the profile's string.
    pub init_string: Option<String>,
    /// Less of everything: a first look, not an admission.
    pub quick: bool,
    /// Random bytes that are drawn and judged; nothing: as many as the thoroughness asks for.
    pub random_len: Option<usize>,
}

impl Plan {
    pub(crate) fn random_len(&self) -> usize {
        self.random_len.unwrap_or(if self.quick { 125_000 } else { 1_000_000 })
    }

    pub(crate) fn sessions_max(&self) -> usize {
        if self.quick { 16 } else { 128 }
    }

    pub(crate) fn objects(&self) -> usize {
        if self.quick { 4 } else { 32 }
    }

    pub(crate) fn speed_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 300 } else { 3_000 })
    }
}
