//! The token by PKCS#11 itself, beside the backend, for what the seam does not show: attributes, limits, deaths.
//!
//! The module is loaded and the user logged in already, by the backend of the same process: sessions that are opened here share
//! that login, so no PIN is needed.

pub(crate) mod attributes;
mod kept_secret;
pub(crate) mod limits;
mod scratch;
mod usage;
mod wrapping;

use cryptoki::context::Pkcs11;
use cryptoki::error::Error as DeviceError;
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use hufu_core::backend::KeyBackend;
use hufu_pkcs11::{TokenInfo, TokenView};

use crate::error::Error;
use crate::plan::Plan;
use crate::report::{Check, Outcome, Token, Weight};

/// The module and the slot of the token.
pub(crate) struct Raw {
    pub(crate) context: Pkcs11,
    token: TokenView,
}

impl Raw {
    /// Another view of a module that is loaded and initialised.
    pub(crate) fn new(plan: &Plan, token: TokenView) -> Result<Self, Error> {
        Ok(Self { context: Pkcs11::new(&plan.module)?, token })
    }

    /// Where the token is now.
    pub(crate) fn slot(&self) -> Result<(Slot, TokenInfo), Error> {
        Ok(self.token.find()?)
    }

    pub(crate) fn session(&self) -> Result<Session, Error> {
        Ok(self.context.open_rw_session(self.slot()?.0)?)
    }

    /// How many objects there are that this user sees; nothing if the token does not tell.
    pub(crate) fn objects(&self) -> Option<usize> {
        self.session().ok()?.find_objects(&[]).ok().map(|found| found.len())
    }

    /// What the token says of itself.
    pub(crate) fn describe(&self, plan: &Plan, backend: &dyn KeyBackend) -> Result<Token, Error> {
        let (slot, info) = self.slot()?;
        let library = self.context.get_library_info()?;
        let mechanisms = self.context.get_mechanism_list(slot)?;
        Ok(Token {
            module: plan.module.display().to_string(),
            library: format!("{} {}", library.library_description(), library.library_version()),
            cryptoki_version: library.cryptoki_version().to_string(),
            manufacturer: info.manufacturer,
            model: info.model,
            serial: info.serial,
            label: info.label,
            hardware_version: version(info.hardware_version),
            firmware_version: version(info.firmware_version),
            simulated: backend.capabilities().simulated,
            vendor_profile: backend.devices().into_iter().next().map(|device| device.profile).unwrap_or_default(),
            mechanisms: mechanisms.iter().map(ToString::to_string).collect(),
        })
    }
}

fn version((major, minor): (u8, u8)) -> String {
    format!("{major}.{minor}")
}

/// Function and code in the standard's words.
pub(crate) fn describe(error: &DeviceError) -> String {
    match error {
        DeviceError::Pkcs11(code, function) => format!("C_{function:?}: {code:?}"),
        other => other.to_string(),
    }
}

/// What should hold, and how grave it is if not.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) standard: &'static str,
    pub(crate) weight: Weight,
}

impl Rule {
    pub(crate) fn found(self, outcome: Outcome, detail: impl Into<String>) -> Check {
        let Self { name, standard, weight } = self;
        Check { name, standard, weight, outcome, detail: detail.into() }
    }
}

/// What one trial of a rule came to.
pub(crate) struct Found(pub(crate) Outcome, pub(crate) String);

impl Found {
    pub(crate) fn holds(detail: impl Into<String>) -> Self {
        Self(Outcome::Holds, detail.into())
    }

    pub(crate) fn fails(detail: impl Into<String>) -> Self {
        Self(Outcome::Fails, detail.into())
    }

    pub(crate) fn absent(error: &DeviceError) -> Self {
        Self(Outcome::NotSupported, describe(error))
    }
}

/// A call that must be refused.
pub(crate) fn refused<T>(result: Result<T, DeviceError>, otherwise: &str) -> Found {
    match result {
        Ok(_) => Found::fails(otherwise),
        Err(error) => Found::holds(format!("refused: {}", describe(&error))),
    }
}
