//! Which migrations a database still needs.

use crate::OpenError;

/// A step of the schema. Steps only add: an older release of the same line can still read what a newer one wrote.
pub(crate) struct Migration {
    /// The version that the schema has after it, from 1.
    pub(crate) version: i64,
    /// Statements; the last one sets the version row.
    pub(crate) sql: &'static str,
}

/// The steps from a version to the newest.
///
/// # Errors
/// [`OpenError::NewerSchema`] when the database is ahead of this release.
pub(crate) fn pending(all: &'static [Migration], found: i64) -> Result<&'static [Migration], OpenError> {
    let known = all.last().map_or(0, |migration| migration.version);
    if found > known {
        return Err(OpenError::NewerSchema { found, known });
    }
    let done = all.iter().take_while(|migration| migration.version <= found).count();
    Ok(all.get(done..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    static ALL: [Migration; 2] = [Migration { version: 1, sql: "" }, Migration { version: 2, sql: "" }];

    #[test]
    fn only_missing_steps_run_and_newer_schemas_are_refused() {
        assert_eq!(pending(&ALL, 0).unwrap().len(), 2);
        assert_eq!(pending(&ALL, 1).unwrap()[0].version, 2);
        assert!(pending(&ALL, 2).unwrap().is_empty());
        assert_eq!(pending(&ALL, 3).err(), Some(OpenError::NewerSchema { found: 3, known: 2 }));
    }
}
