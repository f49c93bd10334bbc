//! Files that custodians carry: armour, or the printable form as people typed it.

use std::path::Path;

use hufu_ceremony::{CeremonyPolicy, Request};
use hufu_custodian::{Custodian, Error, Label, Pin, Roster, Signed, armour, printable};
use hufu_custodian_keys::KeyFile;
use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    input,
    sink::{self, Access},
};

/// Longest text that is read, in bytes: what armour can hold.
const TEXT_LEN_MAX: usize = 6 << 20;

/// Reads a text of whatever kind.
pub(crate) fn read_any(path: &Path) -> Result<(Label, Vec<u8>), Failure> {
    parse_any(path, &read_text(path)?)
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = input::read(path, TEXT_LEN_MAX, "a custodian's file")?;
    let text = str::from_utf8(&bytes).map_err(|_| refused(path, &Error::Text("it is not UTF-8")))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn parse_any(path: &Path, text: &str) -> Result<(Label, Vec<u8>), Failure> {
    let read = if printable::is(text) { printable::read(text) } else { armour::read(text) };
    read.map_err(|error| refused(path, &error))
}

/// Reads a text of one kind, and what its bytes say.
pub(crate) fn read<T, E: std::error::Error>(
    path: &Path,
    wanted: Label,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, Failure> {
    of_kind(path, wanted, read_any(path)?, parse)
}

fn of_kind<T, E: std::error::Error>(
    path: &Path,
    wanted: Label,
    (found, bytes): (Label, Vec<u8>),
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, Failure> {
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

/// Reads the policy of ceremonies, in TOML.
pub(crate) fn read_policy(path: &Path) -> Result<CeremonyPolicy, Failure> {
    CeremonyPolicy::from_toml(&read_text(path)?).map_err(|refusal| refused(path, &refusal))
}

/// Reads the request of a ceremony: the file in TOML, or what its proposer has signed.
pub(crate) fn read_request(path: &Path) -> Result<Request, Failure> {
    let text = read_text(path)?;
    if !armour::is(&text) && !printable::is(&text) {
        return Request::from_toml(&text).map_err(|refusal| refused(path, &refusal));
    }
    let signed = of_kind(path, Label::Request, parse_any(path, &text)?, Signed::from_bytes)?;
    Request::from_bytes(&signed.statement).map_err(|refusal| refused(path, &refusal))
}

/// Reads what the proposer of a ceremony has signed. The signature is not verified.
pub(crate) fn read_proposal(path: &Path) -> Result<Signed, Failure> {
    read(path, Label::Request, Signed::from_bytes)
}

/// Reads the transcript of a ceremony: its bytes, which the pins then judge.
pub(crate) fn read_transcript(path: &Path) -> Result<Vec<u8>, Failure> {
    read(path, Label::Transcript, |bytes| Ok::<_, Error>(bytes.to_vec()))
}

/// Writes armour.
pub(crate) fn write(path: &Path, label: Label, bytes: &[u8], access: Access) -> Result<(), Failure> {
    sink::write(path, armour::write(label, bytes)?.as_bytes(), access)
}

fn refused(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::usage(format!("`{}`: {error}", path.display()), "")
}
