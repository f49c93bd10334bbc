//! The key of a group of tokens, put on each of them.

use std::path::PathBuf;

use hufu_pkcs11::{OpenError, TokenSelector};
use hufu_secret::{MemoryLock, SecretBytes, harden_process};

use crate::ambient::HostRng;

/// A token that shall hold the key of a group.
#[derive(Debug)]
pub struct GroupToken {
    /// Its PKCS#11 module.
    pub module: PathBuf,
    /// Its serial number.
    pub serial: String,
    /// PIN of its security officer, presented up to three times: to look, to write, and to take away an older key.
    pub so_pin: SecretBytes,
}

/// Makes a key and puts it on every token, or on none; see [`hufu_pkcs11::install_group_key`]. The process is hardened first: it
/// can be neither dumped nor swapped from here on, where the limits allow. What was not reached is told.
///
/// # Errors
/// [`OpenError`].
pub fn install_group_key(group: &str, tokens: Vec<GroupToken>, replace: bool) -> Result<Option<String>, OpenError> {
    let hardening = harden_process(MemoryLock::All);
    let tokens: Vec<_> = tokens
        .into_iter()
        .map(|GroupToken { module, serial, so_pin }| hufu_pkcs11::GroupToken {
            module,
            token: TokenSelector::Serial(serial),
            so_pin,
        })
        .collect();
    hufu_pkcs11::install_group_key(group, &tokens, &HostRng, replace)?;
    Ok((!hardening.is_complete()).then(|| format!("{hardening:?}")))
}
