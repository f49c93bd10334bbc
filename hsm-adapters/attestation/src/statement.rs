//! What a verified statement says.

use std::fmt;

/// What a vendor says about the key, verified up to a trust anchor.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Statement {
    /// Who says so.
    pub vendor: Vendor,
    /// Kind of device, as far as the statement tells.
    pub model: Option<String>,
    /// Serial number of the device, decimal.
    pub serial: Option<String>,
    /// Version of its firmware as the statement writes it.
    pub firmware: Option<String>,
    /// The private key cannot leave the vendor's devices in clear.
    pub non_exportable: bool,
    /// The private key was made in the device, not imported.
    pub generated_on_device: bool,
    /// What else holds for the key.
    pub policies: Vec<Policy>,
    /// The certificates from the key's own to the trust anchor.
    pub chain: Vec<Link>,
    /// SHA-256 of the SubjectPublicKeyInfo that the statement is about.
    pub public_key_sha256: [u8; 32],
}

/// Who signs statements.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Vendor {
    /// YubiKey PIV attestation.
    Yubico,
    /// Luna public key confirmation.
    Thales,
}

/// A property of the key or its device.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Policy {
    /// Slot of the key (NIST SP 800-73), two hexadecimal digits.
    Slot(String),
    /// When the PIN is asked for.
    Pin(PinPolicy),
    /// When the device must be touched.
    Touch(TouchPolicy),
    /// The device belongs to a series that is certified under FIPS 140.
    FipsSeries,
}

/// When the PIN is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once a session.
    Once,
    /// Before each use.
    Always,
    /// Fingerprint or PIN, once a session.
    MatchOnce,
    /// Fingerprint or PIN, before each use.
    MatchAlways,
}

/// When the device must be touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// For each use.
    Always,
    /// A touch counts for 15 seconds.
    Cached,
}

/// One certificate of the path.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Link {
    /// Subject (RFC 4514).
    pub subject: String,
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// First second of its validity, in milliseconds since the Unix epoch.
    pub not_before_ms: u64,
    /// Last second of its validity, in milliseconds since the Unix epoch.
    pub not_after_ms: u64,
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yubico => "Yubico",
            Self::Thales => "Thales",
        })
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => write!(f, "slot {slot}"),
            Self::Pin(policy) => write!(f, "PIN {policy}"),
            Self::Touch(policy) => write!(f, "touch {policy}"),
            Self::FipsSeries => f.write_str("FIPS series"),
        }
    }
}

impl fmt::Display for PinPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Once => "once a session",
            Self::Always => "always",
            Self::MatchOnce => "or fingerprint once a session",
            Self::MatchAlways => "or fingerprint always",
        })
    }
}

impl fmt::Display for TouchPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::Cached => "within 15 seconds",
        })
    }
}
