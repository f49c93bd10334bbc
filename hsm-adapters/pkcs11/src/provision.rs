//! Initialising a token, for development and for tests.

use std::path::Path;

use cryptoki::error::Error;
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

use crate::config::{OpenError, TokenSelector};
use crate::fault::describe;
use crate::library::Library;
use crate::module::Module;
use crate::token::{Found, find_one};
use crate::token_info::TokenInfo;

/// Finds the only token with a label, or initialises a free one so, and returns its serial number.
///
/// An existing token is left as it is, unless its user PIN was never set, as when an earlier call was interrupted. The label
/// is at most 32 bytes long.
///
/// # Errors
/// [`OpenError`] when the module cannot be loaded, several tokens have the label, no slot is free, or a PIN is refused.
pub fn find_or_init_token(
    module: &Path,
    label: &str,
    so_pin: &SecretBytes,
    user_pin: &SecretBytes,
) -> Result<String, OpenError> {
    let module = Module::load(module, None)?;
    let entered = module.enter();
    let library = entered.library();
    let selector = TokenSelector::Label(label.to_owned());
    let (so_pin, user_pin) = (pin(so_pin)?, pin(user_pin)?);
    let Found { slot, info, .. } = match find_one(library, &selector, None) {
        Err(OpenError::NotFound(_)) => {
            init_token(library, label, &so_pin)?;
            // Slots may move when a token is initialised.
            find_one(library, &selector, None)?
        }
        found => found?,
    };
    if !info.is_user_pin_initialized {
        init_pin(library, slot, &so_pin, &user_pin).map_err(|error| refused(&error))?;
    }
    Ok(info.serial)
}

fn init_token(library: &Library, label: &str, so_pin: &AuthPin) -> Result<(), OpenError> {
    let slots = library.get_slots_with_token().map_err(|error| refused(&error))?;
    let is_free = |info: TokenInfo| !info.is_initialized;
    let free = slots.into_iter().find(|slot| library.token_info(*slot).is_ok_and(is_free));
    let free = free.ok_or_else(|| OpenError::NotFound(format!("label `{label}`, and none is free")))?;
    library.init_token(free, so_pin, label).map_err(|error| refused(&error))
}

fn init_pin(library: &Library, slot: Slot, so_pin: &AuthPin, user_pin: &AuthPin) -> Result<(), Error> {
    let session = library.open_rw_session(slot)?;
    session.login(UserType::So, Some(so_pin))?;
    session.init_pin(user_pin)?;
    session.logout()
}

fn pin(secret: &SecretBytes) -> Result<AuthPin, OpenError> {
    let text = std::str::from_utf8(secret.expose()).map_err(|_| OpenError::PinEncoding)?;
    Ok(AuthPin::from(text.to_owned()))
}

fn refused(error: &Error) -> OpenError {
    OpenError::Backend(BackendError::Credentials(describe(error)))
}
