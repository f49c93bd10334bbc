//! What is opened, and what came of it.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::Capabilities;
use hufu_pkcs11::{Config, OpenError, TokenSelector, VendorProfile};
use hufu_secret::SecretBytes;
use minicbor::encode::Error;
use minicbor::{Decoder, Encoder};

use super::{WireError, answer, array};

type Written = Result<(), Error<Infallible>>;
type Writer<'w> = Encoder<&'w mut Vec<u8>>;

/// A token that is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The backend's name.
    pub name: String,
    /// The token's serial number.
    pub serial: String,
    /// Manufacturer and model as the token states them.
    pub model: String,
    /// Its label.
    pub label: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Name of its vendor profile.
    pub profile: String,
}

pub(super) fn len(config: &Config) -> usize {
    let (TokenSelector::Serial(token) | TokenSelector::Label(token)) = &config.token;
    let profile = config.profile.as_ref().map_or(0, |profile| profile.text().len());
    let init_string = config.init_string.as_ref().map_or(0, String::len);
    let group = config.group.as_ref().map_or(0, String::len);
    config.module.as_os_str().len() + token.len() + config.pin.len() + profile + init_string + group
}

pub(super) fn encode_configuration(writer: &mut Writer<'_>, config: &Config) -> Written {
    let (by_label, token) = match &config.token {
        TokenSelector::Serial(serial) => (false, serial),
        TokenSelector::Label(label) => (true, label),
    };
    writer.array(10)?.bytes(config.module.as_os_str().as_bytes())?.bool(by_label)?.str(token)?;
    writer.bytes(config.pin.expose())?.u64(config.sessions.get() as u64)?.encode(config.simulated)?;
    writer.u64(u64::try_from(config.hang_after.as_millis()).unwrap_or(u64::MAX))?;
    writer.encode(config.profile.as_ref().map(VendorProfile::text))?.encode(config.init_string.as_deref())?;
    writer.encode(&config.group)?.ok()
}

pub(super) fn decode_configuration(d: &mut Decoder<'_>) -> Result<Config, WireError> {
    array(d, 10)?;
    let module = OsStr::from_bytes(d.bytes()?);
    let (by_label, token) = (d.bool()?, d.str()?.to_owned());
    let token = if by_label { TokenSelector::Label(token) } else { TokenSelector::Serial(token) };
    let pin = SecretBytes::from_slice(d.bytes()?);
    let sessions = usize::from(d.u16()?);
    let sessions = NonZeroUsize::new(sessions).ok_or(WireError::Malformed)?;
    let (simulated, hang_after) = (d.decode()?, Duration::from_millis(d.u64()?));
    // The host has read the profile already; a worker believes nobody.
    let profile: Option<&str> = d.decode()?;
    let profile = profile.map(VendorProfile::parse).transpose().map_err(|_| WireError::Malformed)?;
    let (init_string, group) = (d.decode()?, d.decode()?);
    Ok(Config { sessions, simulated, hang_after, profile, init_string, group, ..Config::new(module, token, pin) })
}

pub(super) fn encode_opened(writer: &mut Writer<'_>, opened: &Opened) -> Written {
    let Capabilities { schemes, refusals, simulated, exits, kept, stays_out } = &opened.capabilities;
    writer.array(11)?.str(&opened.name)?.str(&opened.serial)?.str(&opened.model)?.str(&opened.label)?;
    writer.bool(*simulated)?.encode(exits)?.encode(kept)?.encode(stays_out)?;
    writer.array(schemes.len() as u64)?;
    for row in schemes {
        writer.encode(row)?;
    }
    writer.array(refusals.len() as u64)?;
    for row in refusals {
        writer.encode(row)?;
    }
    writer.str(&opened.profile)?.ok()
}

pub(super) fn decode_opened(d: &mut Decoder<'_>) -> Result<Opened, WireError> {
    array(d, 11)?;
    let (name, serial) = (d.str()?.to_owned(), d.str()?.to_owned());
    let (model, label, simulated) = (d.str()?.to_owned(), d.str()?.to_owned(), d.bool()?);
    let (exits, kept, stays_out) = (d.decode()?, d.decode()?, d.decode()?);
    let schemes: Vec<(Algorithm, Purpose, Scheme)> = d.decode()?;
    let refusals: Vec<(Algorithm, Purpose, Scheme, String)> = d.decode()?;
    let profile = d.str()?.to_owned();
    Ok(Opened {
        name,
        serial,
        model,
        label,
        profile,
        capabilities: Capabilities { schemes, refusals, simulated, exits, kept, stays_out },
    })
}

pub(super) fn encode_refusal(writer: &mut Writer<'_>, error: &OpenError) -> Written {
    match error {
        OpenError::Module { path, why } => writer.array(3)?.u8(1)?.str(path)?.str(why)?.ok(),
        OpenError::NotFound(what) => writer.array(2)?.u8(2)?.str(what)?.ok(),
        OpenError::Ambiguous(what) => writer.array(2)?.u8(3)?.str(what)?.ok(),
        OpenError::PinEncoding => writer.array(1)?.u8(4)?.ok(),
        OpenError::Backend(error) => answer::encode_error(writer.array(2)?.u8(5)?, error),
        OpenError::Group { group, why } => writer.array(3)?.u8(7)?.str(group)?.str(why)?.ok(),
        OpenError::Thread(error) => writer.array(2)?.u8(6)?.str(&error.to_string())?.ok(),
    }
}

pub(super) fn decode_refusal(d: &mut Decoder<'_>) -> Result<OpenError, WireError> {
    let len = d.array()?.ok_or(WireError::Malformed)?;
    Ok(match (d.u8()?, len) {
        (1, 3) => OpenError::Module { path: d.str()?.to_owned(), why: d.str()?.to_owned() },
        (2, 2) => OpenError::NotFound(d.str()?.to_owned()),
        (3, 2) => OpenError::Ambiguous(d.str()?.to_owned()),
        (4, 1) => OpenError::PinEncoding,
        (5, 2) => OpenError::Backend(answer::decode_error(d)?),
        (7, 3) => OpenError::Group { group: d.str()?.to_owned(), why: d.str()?.to_owned() },
        (6, 2) => OpenError::Thread(io::Error::other(d.str()?.to_owned())),
        _ => return Err(WireError::Malformed),
    })
}
