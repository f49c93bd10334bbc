//! What both databases can hold. The memory store refuses the rest too, so that a simulation meets it.

use hufu_core::changeset::{Changeset, Guard, Row, Write};
use hufu_core::store::{CommitError, Segment};

/// A value that a database cannot hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unstorable {
    /// Databases have signed 64-bit integers.
    #[error("`{0}` exceeds 2^63 - 1")]
    TooLarge(&'static str),
    /// PostgreSQL has no zero character in texts.
    #[error("`{0}` contains a zero character")]
    ZeroCharacter(&'static str),
}

impl From<Unstorable> for CommitError {
    fn from(error: Unstorable) -> Self {
        Self::NotCommitted(error.to_string())
    }
}

/// A number as databases know it.
pub(crate) fn integer(name: &'static str, value: u64) -> Result<i64, Unstorable> {
    i64::try_from(value).map_err(|_| Unstorable::TooLarge(name))
}

/// A bound of a search: nothing stored lies beyond the greatest integer.
pub(crate) fn bound(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Checks everything of a batch but what the sealer adds.
pub(crate) fn check_batch(batch: &[Changeset]) -> Result<(), Unstorable> {
    batch.iter().filter(|changeset| !changeset.is_audit_only()).try_for_each(check_changeset)
}

/// Checks a sealed segment.
pub(crate) fn check_segment(segment: &Segment) -> Result<(), Unstorable> {
    text("writer", &segment.writer)?;
    integer("first_seq", segment.first_seq.saturating_add(u64::from(segment.count)))?;
    integer("sealed_at", segment.sealed_at)?;
    Ok(())
}

fn check_changeset(changeset: &Changeset) -> Result<(), Unstorable> {
    for guard in &changeset.guards {
        let (Guard::Absent(_, id) | Guard::Revision(_, id, _)) = guard;
        text("id", id)?;
    }
    for write in &changeset.writes {
        match write {
            Write::Put(row) => check_row(row)?,
            Write::Delete(_, id) => text("id", id)?,
        }
    }
    for item in &changeset.feed {
        text("subject", &item.subject.0)?;
        text("leaf", item.leaf.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

fn check_row(row: &Row) -> Result<(), Unstorable> {
    text("id", &row.id)?;
    text("scope", &row.scope)?;
    integer("revision", row.revision)?;
    integer("due", row.due.unwrap_or_default())?;
    Ok(())
}

fn text(name: &'static str, value: &str) -> Result<(), Unstorable> {
    if value.contains('\0') { Err(Unstorable::ZeroCharacter(name)) } else { Ok(()) }
}
