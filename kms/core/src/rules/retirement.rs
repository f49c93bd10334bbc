//! Until when keys of an algorithm may be made: policy retires rows of the table by date (SP 800-131A).

use crate::algorithm::Algorithm;
use crate::error::{Error, Reason};

/// A row of the table that policy retires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retirement {
    /// The row.
    pub algorithm: Algorithm,
    /// From when on no key of it is made, in milliseconds since the epoch.
    pub from_ms: u64,
}

/// Decides whether key material of an algorithm may be made now: for a new key, or for a new version of one.
///
/// What was made before goes on: it is for its owner to move and to revoke it.
///
/// # Errors
/// [`Reason::UnsupportedAlgorithm`] once the algorithm is retired.
pub fn may_make(retirements: &[Retirement], algorithm: Algorithm, now_ms: u64) -> Result<(), Error> {
    let retired = |retirement: &Retirement| retirement.algorithm == algorithm && retirement.from_ms <= now_ms;
    if retirements.iter().any(retired) {
        return Err(Error::new(
            Reason::UnsupportedAlgorithm,
            format!("{algorithm} is retired: no more keys are made"),
        )
        .field("algorithm")
        .help("create a key of another algorithm"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_retired_from_its_date_on() {
        let retirements = [Retirement { algorithm: Algorithm::Rsa2048, from_ms: 1_000 }];
        assert!(may_make(&retirements, Algorithm::Rsa2048, 999).is_ok());
        let error = may_make(&retirements, Algorithm::Rsa2048, 1_000).unwrap_err();
        assert_eq!(error.reason(), Reason::UnsupportedAlgorithm);
        assert!(may_make(&retirements, Algorithm::Rsa3072, u64::MAX).is_ok());
        assert!(may_make(&[], Algorithm::Rsa2048, u64::MAX).is_ok());
    }
}
