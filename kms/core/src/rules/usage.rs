//! Which uses a key version allows in which state (SP 800-57pt1r5 §7.2).

use crate::algorithm::Purpose;
use crate::error::{Error, Reason};
use crate::record::{KeyState, Locator, VersionRecord};

/// A use of a key version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    /// Sign with the private key.
    Sign,
    /// Verify with the public key.
    Verify,
    /// Encrypt.
    Encrypt,
    /// Decrypt.
    Decrypt,
    /// Compute a MAC and give it out.
    Mac,
    /// Check a MAC; gives out one bit.
    VerifyMac,
    /// Make a shared secret for the public key.
    Encapsulate,
    /// Recover a shared secret with the private key.
    Decapsulate,
    /// Agree on a shared secret with the holder of another key.
    Agree,
    /// Wrap another key.
    Wrap,
    /// Unwrap another key.
    Unwrap,
}

impl Usage {
    /// The purpose that a key must have for this use.
    #[must_use]
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Sign | Self::Verify => Purpose::Sign,
            Self::Encrypt | Self::Decrypt => Purpose::Encrypt,
            Self::Mac | Self::VerifyMac => Purpose::Mac,
            Self::Encapsulate | Self::Decapsulate => Purpose::Encapsulate,
            Self::Agree => Purpose::Agree,
            Self::Wrap | Self::Unwrap => Purpose::Wrap,
        }
    }
}

/// Decides whether a version may be used so.
///
/// To protect (sign, encrypt, MAC, encapsulate, wrap) a version must be active. To process (decrypt, verify a MAC, decapsulate, unwrap)
/// it may also be deactivated by rotation. To agree is to process: one who begins an exchange and one who reads what is left of
/// an old one ask for the same, and a rotated key is the peer's to turn away from. Revoked, compromised, suspended and to-be-destroyed versions give out nothing. Verifying with a
/// public key is always possible while it is known: the answer carries the state, and the caller judges.
///
/// # Errors
/// [`Reason::WrongPurpose`] when the key is for something else, [`Reason::WrongState`] when the state forbids it,
/// [`Reason::KeyInShares`] when there is no copy of it that could be used.
pub fn may_use(version: &VersionRecord, usage: Usage) -> Result<(), Error> {
    if version.purpose != usage.purpose() {
        return Err(Error::new(
            Reason::WrongPurpose,
            format!("the key was created to {}, not to {}", version.purpose, usage.purpose()),
        )
        .field("name")
        .help("create a key for this purpose"));
    }
    let allowed = match usage {
        Usage::Verify => true,
        _ if version.revocation.is_some() || version.destroy_at.is_some() => false,
        Usage::Sign | Usage::Encrypt | Usage::Mac | Usage::Encapsulate | Usage::Wrap => {
            version.state == KeyState::Active
        }
        Usage::Decrypt | Usage::VerifyMac | Usage::Decapsulate | Usage::Unwrap | Usage::Agree => {
            matches!(version.state, KeyState::Active | KeyState::Deactivated)
        }
    };
    if !allowed {
        return Err(refused(version, usage));
    }
    if needs_material(version, usage) && matches!(version.locator, Locator::Shares { .. }) {
        return Err(Error::new(Reason::KeyInShares, "the key is in shares, which custodians hold")
            .field("name")
            .help("recover it by a ceremony"));
    }
    Ok(())
}

/// Whether the public half is not enough.
fn needs_material(version: &VersionRecord, usage: Usage) -> bool {
    let public = matches!(usage, Usage::Verify | Usage::Encrypt | Usage::Encapsulate);
    !(public && version.algorithm.is_asymmetric())
}

fn refused(version: &VersionRecord, usage: Usage) -> Error {
    let condition = match (&version.revocation, version.destroy_at, version.state) {
        (_, _, KeyState::Destroying | KeyState::Destroyed | KeyState::Compromised) | (None, None, _) => {
            version.state.to_string()
        }
        (Some(_), _, _) => "revoked".to_owned(),
        (None, Some(_), _) => "scheduled for destruction".to_owned(),
    };
    let error = Error::new(Reason::WrongState, format!("the version is {condition}")).field("name");
    match advice(version, usage) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// What works instead. What a version has encrypted no other one opens: where it gives nothing more, there is no advice.
fn advice(version: &VersionRecord, usage: Usage) -> Option<&'static str> {
    let protects = matches!(usage, Usage::Sign | Usage::Encrypt | Usage::Mac | Usage::Encapsulate | Usage::Wrap);
    let another = protects.then_some("use the primary version, or rotate the key");
    match version.state {
        KeyState::Destroying | KeyState::Destroyed | KeyState::Compromised => another,
        _ if version.revocation.is_some() => another,
        _ if version.destroy_at.is_some() => another.or(Some("cancel its destruction")),
        KeyState::PreActive => Some("activate it"),
        KeyState::Suspended if protects => {
            Some("resume it, if it is the primary version; else use that one, or rotate the key")
        }
        KeyState::Suspended => Some("resume it"),
        KeyState::Active | KeyState::Deactivated => another,
    }
}
