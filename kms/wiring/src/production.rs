//! What a production start refuses (invariant 9: nothing simulated passes for real).

use hufu_core::backend::KeyBackend;

use crate::config::{Config, Mode, PinSource, StorageConfig};
use crate::open::Error;

/// Refuses simulated parts and a PIN beside the database, in production.
pub(crate) fn check(config: &Config, token: &dyn KeyBackend) -> Result<(), Error> {
    if config.mode == Mode::Development {
        return Ok(());
    }
    if token.capabilities().simulated {
        return Err(Error::Simulated(format!("the token {} is a simulation", token.name())));
    }
    if let (PinSource::File(pin), StorageConfig::Sqlite { path }) = (&config.token.pin, &config.storage)
        && pin.parent() == path.parent()
    {
        return Err(Error::Simulated("the PIN file lies beside the database".to_owned()));
    }
    Ok(())
}
