//! A token: which slot it is in now, what it is, and what all its sessions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cryptoki::session::{Session, SessionState};
use cryptoki::slot::Slot;
use hufu_core::backend::{BackendError, Health};
use hufu_core::record::Attestation;
use parking_lot::RwLock;

use crate::breaker::Breaker;
use crate::config::{OpenError, TokenSelector};
use crate::credentials::Credentials;
use crate::fault::{Fault, describe};
use crate::keys::Handles;
use crate::library::Library;
use crate::module::Module;
use crate::token_info::TokenInfo;
use crate::vendor::{self, Stated, VendorProfile};

/// What is known of a token before it is tried.
pub(crate) struct Known {
    pub(crate) profile: VendorProfile,
    /// Whether its keys must not pass for hardware-protected.
    pub(crate) simulated: bool,
}

/// What all sessions of one token share.
pub(crate) struct Token {
    pub(crate) module: Arc<Module>,
    pub(crate) serial: String,
    /// Manufacturer and model as the token states them.
    pub(crate) model: String,
    /// Its label.
    pub(crate) label: String,
    pub(crate) simulated: bool,
    pub(crate) profile: VendorProfile,
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
        known: Known,
        credentials: Credentials,
        breaker: Breaker,
    ) -> Self {
        Self {
            module,
            serial: info.serial.clone(),
            model: format!("{} {}", info.manufacturer, info.model),
            label: info.label.clone(),
            simulated: known.simulated,
            profile: known.profile,
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

    /// Logs the user in, on a token that wants it.
    pub(crate) fn log_in(&self, session: &Session) -> Result<(), Fault> {
        if self.profile.login { self.credentials.login(session) } else { Ok(()) }
    }

    /// Whether a session sees private objects and may use them.
    pub(crate) fn is_ready(&self, state: SessionState) -> bool {
        state == SessionState::RwUser || (!self.profile.login && state == SessionState::RwPublic)
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
    pub(crate) fn slot(&self, library: &Library) -> Result<Slot, Fault> {
        let selector = TokenSelector::Serial(self.serial.clone());
        let mut found = find(library, &selector, Some(&self.profile))?;
        match (found.pop(), found.pop()) {
            (Some(one), None) => Ok(one.slot),
            (None, _) => Err(Fault::Absent("the token is not there")),
            _ => Err(Fault::Absent("two tokens have the same serial number")),
        }
    }
}

/// Where the token of a backend is now, for an assessment that speaks PKCS #11 itself.
#[derive(Clone)]
pub struct TokenView(pub(crate) Arc<Token>);

impl TokenView {
    /// Its slot, and what it says of itself.
    ///
    /// # Errors
    /// `Unavailable` when it is in no slot, or in two.
    pub fn find(&self) -> Result<(Slot, TokenInfo), BackendError> {
        let entered = self.0.module.enter();
        let slot = self.0.slot(entered.library()).map_err(Fault::into_answer)?;
        let info = entered.library().token_info(slot).map_err(|error| Fault::from(error).into_answer())?;
        Ok((slot, info))
    }
}

/// A token that was looked for.
pub(crate) struct Found {
    pub(crate) slot: Slot,
    pub(crate) info: TokenInfo,
}

/// All initialised tokens that a selector fits, and that are none of those that their profile passes over.
fn find(
    library: &Library,
    selector: &TokenSelector,
    profile: Option<&VendorProfile>,
) -> Result<Vec<Found>, cryptoki::error::Error> {
    let mut found = Vec::new();
    for slot in library.get_slots_with_token()? {
        // A slot whose token was just removed is no reason to miss the others.
        let Ok(info) = library.token_info(slot) else { continue };
        let fits = match selector {
            TokenSelector::Serial(serial) => info.serial == *serial,
            TokenSelector::Label(label) => info.label == *label,
        };
        if fits && info.is_initialized && !is_passed_over(library, &info, profile) {
            found.push(Found { slot, info });
        }
    }
    Ok(found)
}

/// Whether a token is one that its profile passes over.
fn is_passed_over(library: &Library, info: &TokenInfo, named: Option<&VendorProfile>) -> bool {
    info.is_write_protected && vendor::choose(named, &Stated::read(library, info)).quirks.skip_write_protected
}

/// The only token that a selector fits.
pub(crate) fn find_one(
    library: &Library,
    selector: &TokenSelector,
    profile: Option<&VendorProfile>,
) -> Result<Found, OpenError> {
    let shown = match selector {
        TokenSelector::Serial(serial) => format!("serial number `{serial}`"),
        TokenSelector::Label(label) => format!("label `{label}`"),
    };
    let mut found = find(library, selector, profile).map_err(|error| BackendError::Unavailable(describe(&error)))?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(OpenError::NotFound(shown)),
        (Some(_), false) => Err(OpenError::Ambiguous(shown)),
    }
}
