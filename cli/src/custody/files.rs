//! Files that custodians carry: armour, or the printable form as people typed it.

use std::path::Path;

use hufu_custodian::{Custodian, Error, Label, Pin, Roster, armour, printable};
use hufu_custodian_keys::KeyFile;

use crate::{
    failure::Failure,
    input,
    sink::{self, Access},
};

/// Longest text that is read, in bytes: what armour can hold.
const TEXT_LEN_MAX: usize = 6 << 20;

/// Reads a text of whatever kind.
pub(crate) fn read_any(path: &Path) -> Result<(Label, Vec<u8>), Failure> {
    let bytes = input::read(path, TEXT_LEN_MAX, "a custodian's file")?;
    let text = str::from_utf8(&bytes).map_err(|_| refused(path, &Error::Text("it is not UTF-8")))?;
    let read = if printable::is(text) { printable::read(text) } else { armour::read(text) };
    read.map_err(|error| refused(path, &error))
}

/// Reads a text of one kind, and what its bytes say.
pub(crate) fn read<T, E: std::error::Error>(
    path: &Path,
    wanted: Label,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, Failure> {
    let (found, bytes) = read_any(path)?;
    if found != wanted {
        return Err(refused(path, &Error::Label { wanted, found }));
    }
    parse(&bytes).map_err(|error| refused(path, &error))
}

/// Reads a key file.
pub(crate) fn read_keys(path: &Path) -> Result<KeyFile, Failure> {
    read(path, Label::CustodianKey, KeyFile::from_bytes)
}

/// Reads the entry of a roster.
pub(crate) fn read_entry(path: &Path) -> Result<Custodian, Failure> {
    read(path, Label::Custodian, Custodian::from_bytes)
}

/// Reads a roster.
pub(crate) fn read_roster(path: &Path) -> Result<Roster, Failure> {
    read(path, Label::Roster, Roster::from_bytes)
}

/// Reads the pin of a roster.
pub(crate) fn read_pin(path: &Path) -> Result<Pin, Failure> {
    read(path, Label::RosterPin, Pin::from_bytes)
}

/// Writes armour.
pub(crate) fn write(path: &Path, label: Label, bytes: &[u8], access: Access) -> Result<(), Failure> {
    sink::write(path, armour::write(label, bytes)?.as_bytes(), access)
}

fn refused(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::usage(format!("`{}`: {error}", path.display()), "")
}
