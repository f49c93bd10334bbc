//! Which key material may leave, and what may be made to leave.

use crate::algorithm::Purpose;
use crate::error::{Error, Reason};
use crate::record::{Exit, KeyState, VersionRecord};

/// Whether keys of a purpose may be created so that their material can leave.
///
/// What wraps other keys never leaves: a wrapping key that comes out opens all that it wraps, and one that is wrapped under
/// another makes a chain that ends where somebody can read (Clulow 2003; Delaune, Kremer and Steel 2008).
///
/// # Errors
/// [`Reason::UnsupportedAlgorithm`].
pub fn may_be_made_to_leave(purpose: Purpose, exit: Exit) -> Result<(), Error> {
    if exit == Exit::Exportable && matches!(purpose, Purpose::Wrap | Purpose::Import) {
        return Err(Error::new(Reason::UnsupportedAlgorithm, "keys that wrap other keys never leave").field("exit"));
    }
    Ok(())
}

/// Whether a version's material may leave now, wrapped.
///
/// # Errors
/// [`Reason::NotExportable`] when it was not created so, [`Reason::WrongState`] when it is not in use nor just superseded.
pub fn may_leave(version: &VersionRecord) -> Result<(), Error> {
    if version.exit != Exit::Exportable {
        let why = format!("the material of this key {}", where_to(version.exit));
        return Err(Error::new(Reason::NotExportable, why)
            .field("name")
            .help("whether a key may leave is fixed when it is created"));
    }
    may_be_made_to_leave(version.purpose, version.exit)?;
    let in_use = matches!(version.state, KeyState::Active | KeyState::Deactivated);
    if in_use && version.revocation.is_none() && version.destroy_at.is_none() {
        return Ok(());
    }
    let why = "only an active version, or one that was superseded by rotation, may leave";
    Err(Error::new(Reason::WrongState, why).field("name"))
}

fn where_to(exit: Exit) -> &'static str {
    if exit == Exit::Replicable { "leaves only for the other tokens of its group" } else { "never leaves" }
}
