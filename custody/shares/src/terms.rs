//! How many make a secret, of how many.

use crate::{Error, SEATS_MAX};

/// Whether 1 ≤ threshold ≤ count ≤ [`SEATS_MAX`].
pub(crate) fn check_quorum(threshold: u8, count: usize) -> Result<(), Error> {
    let good = threshold >= 1 && usize::from(threshold) <= count && count <= SEATS_MAX;
    if good { Ok(()) } else { Err(Error::Terms("1 ≤ threshold ≤ shares ≤ 64 does not hold")) }
}
