//! Roster and policy of ceremonies, from the files of the configuration.

use std::fmt::Display;
use std::path::Path;

use hufu_ceremony::{CeremonyPolicy, Grounds};
use hufu_custodian::{Label, Roster, armour};

use crate::config::CeremoniesConfig;
use crate::files;
use crate::open::Error;

/// Longest file of a roster or policy, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// Reads both, and the least threshold of deposits.
pub(crate) fn read(config: &CeremoniesConfig) -> Result<(Grounds, u8), Error> {
    if !(1..=64).contains(&config.deposit_threshold_min) {
        return Err(Error::Ceremonies("`deposit_threshold_min` is 1 to 64".to_owned()));
    }
    let roster = files::read_text(&config.roster, FILE_LEN_MAX)?;
    let roster = armour::read_as(Label::Roster, &roster).and_then(|bytes| Roster::from_bytes(&bytes));
    let roster = roster.map_err(|error| refused(&config.roster, error))?;
    let policy = files::read_text(&config.policy, FILE_LEN_MAX)?;
    let policy = CeremonyPolicy::from_toml(&policy).map_err(|error| refused(&config.policy, error))?;
    let grounds = Grounds::new(roster, policy).map_err(|error| refused(&config.policy, error))?;
    Ok((grounds, config.deposit_threshold_min))
}

fn refused(path: &Path, error: impl Display) -> Error {
    Error::Ceremonies(format!("`{}`: {error}", path.display()))
}
