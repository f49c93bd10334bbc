//! A token: which slot it is in now, what it is, and what all its sessions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cryptoki::context::Pkcs11;
use cryptoki::slot::{Slot, TokenInfo};
use hufu_core::backend::{BackendError, Health};
use hufu_core::record::Attestation;
use parking_lot::RwLock;

use crate::breaker::Breaker;
use crate::config::{OpenError, TokenSelector};
use crate::credentials::Credentials;
use crate::fault::{Fault, describe};
use crate::keys::Handles;
use crate::module::Module;

/// Makers whose tokens are programs: what they hold never passes for hardware-protected.
const SIMULATED: &[&str] = &[
    "softhsm",
    "kryoptic",
    "mozilla",
    "nss",
    "swtpm",
    "simulator",
    // opencryptoki's token in software, and the TPM simulator as tpm2-pkcs11 names it.
    "ibm soft",
    "ibm sw   tpm",
    "ibm sw tpm",
];

/// What all sessions of one token share.
pub(crate) struct Token {
    pub(crate) module: Arc<Module>,
    pub(crate) serial: String,
    /// Manufacturer and model as the token states them.
    pub(crate) model: String,
    /// Its label.
    pub(crate) label: String,
    pub(crate) simulated: bool,
    pub(crate) credentials: Credentials,
    pub(crate) handles: Handles,
    /// Held for reading while a handle is used and for writing while an object is deleted: a device may give the handle of
    /// a deleted object to a new one.
    pub(crate) objects: RwLock<()>,
    pub(crate) breaker: Breaker,
    /// Counts sessions and logins that were lost.
    losses: AtomicU64,
}

impl Token {
    pub(crate) fn new(
        module: Arc<Module>,
        info: &TokenInfo,
        simulated: Option<bool>,
        credentials: Credentials,
        breaker: Breaker,
    ) -> Self {
        Self {
            module,
            serial: info.serial_number().to_owned(),
            model: format!("{} {}", info.manufacturer_id(), info.model()),
            label: info.label().to_owned(),
            simulated: simulated.unwrap_or_else(|| is_simulated(info.manufacturer_id(), info.model())),
            credentials,
            handles: Handles::new(),
            objects: RwLock::new(()),
            breaker,
            losses: AtomicU64::new(0),
        }
    }

    /// Counts losses of sessions and logins, and restarts of the module by whomever: handles found in an earlier generation
    /// are void.
    pub(crate) fn generation(&self) -> u64 {
        self.losses.load(Ordering::Acquire).wrapping_add(self.module.generation())
    }

    pub(crate) fn void_handles(&self) {
        self.losses.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn attestation(&self) -> Attestation {
        Attestation::DriverAsserted {
            serial: self.serial.clone(),
            simulated: self.simulated,
            model: self.model.clone(),
        }
    }

    pub(crate) fn health(&self) -> Health {
        match self.credentials.refused() {
            Some(why) => Health::Down(format!("credentials refused: {why}")),
            None => self.breaker.health(),
        }
    }

    /// The slot that the token is in now: slots move.
    pub(crate) fn slot(&self, context: &Pkcs11) -> Result<Slot, Fault> {
        let selector = TokenSelector::Serial(self.serial.clone());
        let mut found = find(context, &selector)?;
        match (found.pop(), found.pop()) {
            (Some((slot, _)), None) => Ok(slot),
            (None, _) => Err(Fault::Absent("the token is not there")),
            _ => Err(Fault::Absent("two tokens have the same serial number")),
        }
    }
}

/// All initialised tokens that a selector fits.
pub(crate) fn find(
    context: &Pkcs11,
    selector: &TokenSelector,
) -> Result<Vec<(Slot, TokenInfo)>, cryptoki::error::Error> {
    let mut found = Vec::new();
    for slot in context.get_slots_with_token()? {
        // A slot whose token was just removed is no reason to miss the others.
        let Ok(info) = context.get_token_info(slot) else { continue };
        let fits = match selector {
            TokenSelector::Serial(serial) => info.serial_number() == serial,
            TokenSelector::Label(label) => info.label() == label,
        };
        if fits && info.token_initialized() {
            found.push((slot, info));
        }
    }
    Ok(found)
}

/// The only token that a selector fits.
pub(crate) fn find_one(context: &Pkcs11, selector: &TokenSelector) -> Result<(Slot, TokenInfo), OpenError> {
    let shown = match selector {
        TokenSelector::Serial(serial) => format!("serial number `{serial}`"),
        TokenSelector::Label(label) => format!("label `{label}`"),
    };
    let mut found = find(context, selector).map_err(|error| BackendError::Unavailable(describe(&error)))?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(OpenError::NotFound(shown)),
        (Some(_), false) => Err(OpenError::Ambiguous(shown)),
    }
}

fn is_simulated(manufacturer: &str, model: &str) -> bool {
    let stated = format!("{manufacturer} {model}").to_lowercase();
    SIMULATED.iter().any(|name| stated.contains(name))
}

#[cfg(test)]
mod tests {
    use super::is_simulated;

    #[test]
    fn programs_are_told_from_devices() {
        for (manufacturer, model) in [
            ("SoftHSM project", "SoftHSM v2"),
            ("Kryoptic Project", "v1"),
            ("Mozilla Foundation", "NSS 3"),
            ("IBM", "SW   TPM swtpm"),
        ] {
            assert!(is_simulated(manufacturer, model), "{manufacturer}");
        }
        for (manufacturer, model) in [("Yubico (www.yubico.com)", "YubiHSM"), ("Thales", "Luna K7"), ("", "")] {
            assert!(!is_simulated(manufacturer, model), "{manufacturer}");
        }
    }
}
