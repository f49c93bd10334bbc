//! YubiKey PIV attestation: a certificate that the device makes for a key of its own with its factory key (slot f9).
//!
//! A YubiKey makes it only for keys that it has generated; generated PIV keys never leave it. Extensions are those of
//! Yubico's PIV attestation arc, 1.3.6.1.4.1.41482.3.

use der::Decode;
use der::asn1::{ObjectIdentifier, UintRef};

use crate::certificate::{Certificate, sha256};
use crate::error::{AttestationError, CertificateFault};
use crate::evidence::Question;
use crate::input;
use crate::path;
use crate::signature::RSA;
use crate::statement::{PinPolicy, Policy, Statement, TouchPolicy, Vendor};

const FIRMWARE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.3");
const SERIAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.7");
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.8");
const FORM_FACTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.9");

/// What the subject of every PIV attestation begins with; the slot follows.
const SUBJECT: &str = "YubiKey PIV Attestation ";

/// Firmware whose RSA keys can be factored: from the first, below the second (YSA-2017-01).
const ROCA: ([u8; 3], [u8; 3]) = ([4, 2, 6], [4, 3, 5]);

/// The bit of the form factor that marks the FIPS series.
const FIPS_SERIES: u8 = 0x80;

/// The bits of the form factor that tell the shape.
const SHAPE: u8 = 0x0f;

/// Checks the certificates of a statement, the key's own first.
pub(crate) fn verify(certificates: Vec<Certificate>, question: Question) -> Result<Statement, AttestationError> {
    let mut certificates = certificates.into_iter();
    let leaf = certificates.next().ok_or(AttestationError::Statement("holds no certificate"))?;
    if leaf.extension(FIRMWARE).is_none() || leaf.extension(POLICY).is_none() {
        return Err(AttestationError::Statement("neither a YubiKey PIV attestation nor a Luna confirmation"));
    }
    question.check_key(&leaf)?;
    let intermediates: Vec<_> = certificates.chain(question.intermediates).collect();
    let path = path::verified(&leaf, &intermediates, &question.anchors, &[], question.at_ms)?;
    let claims = Claims::read(&leaf).map_err(|what| leaf.fault(CertificateFault::Claim(what)))?;
    if is_factorable(claims.firmware, &question.public_key) {
        return Err(AttestationError::Vulnerable("RSA key of a YubiKey 4 with the flaw CVE-2017-15361"));
    }
    let [major, minor, patch] = claims.firmware;
    Ok(Statement {
        vendor: Vendor::Yubico,
        model: Some(claims.model),
        serial: claims.serial.map(|serial| serial.to_string()),
        firmware: Some(format!("{major}.{minor}.{patch}")),
        non_exportable: true,
        generated_on_device: true,
        policies: claims.policies,
        chain: path.iter().map(|certificate| certificate.link()).collect(),
        public_key_sha256: sha256(&question.public_key),
    })
}

struct Claims {
    firmware: [u8; 3],
    serial: Option<u32>,
    model: String,
    policies: Vec<Policy>,
}

impl Claims {
    fn read(leaf: &Certificate) -> Result<Self, &'static str> {
        let firmware = leaf.extension(FIRMWARE).and_then(|bytes| bytes.try_into().ok());
        let form_factor = leaf.extension(FORM_FACTOR).map(|bytes| single(bytes).ok_or("form factor is malformed"));
        let form_factor = form_factor.transpose()?;
        let mut policies = vec![Policy::Slot(slot(leaf).ok_or("subject names no PIV slot")?)];
        policies.extend(leaf.extension(POLICY).and_then(pin_and_touch).ok_or("PIN or touch policy is unknown")?);
        policies.extend(form_factor.filter(|form| form & FIPS_SERIES != 0).map(|_| Policy::FipsSeries));
        Ok(Self {
            firmware: firmware.ok_or("firmware version is malformed")?,
            serial: leaf.extension(SERIAL).map(|der| serial(der).ok_or("serial number is malformed")).transpose()?,
            model: model(form_factor),
            policies,
        })
    }
}

fn single(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [byte] => Some(*byte),
        _ => None,
    }
}

/// Two hexadecimal digits of a slot for keys; f9 holds the key that attests and is never attested.
fn slot(leaf: &Certificate) -> Option<String> {
    let name = leaf.common_name()?;
    let slot = name.strip_prefix(SUBJECT)?;
    let known = matches!(u8::from_str_radix(slot, 16).ok()?, 0x82..=0x95 | 0x9a | 0x9c..=0x9e);
    (slot.len() == 2 && known).then(|| slot.to_ascii_lowercase())
}

fn serial(der: &[u8]) -> Option<u32> {
    let integer = UintRef::from_der(der).ok()?;
    let bytes = integer.as_bytes();
    (bytes.len() <= 4).then(|| bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

fn pin_and_touch(bytes: &[u8]) -> Option<[Policy; 2]> {
    let [pin, touch] = bytes else {
        return None;
    };
    let pin = match pin {
        1 => PinPolicy::Never,
        2 => PinPolicy::Once,
        3 => PinPolicy::Always,
        4 => PinPolicy::MatchOnce,
        5 => PinPolicy::MatchAlways,
        _ => return None,
    };
    let touch = match touch {
        1 => TouchPolicy::Never,
        2 => TouchPolicy::Always,
        3 => TouchPolicy::Cached,
        _ => return None,
    };
    Some([Policy::Pin(pin), Policy::Touch(touch)])
}

/// By the shape of the device; older ones do not tell it.
fn model(form_factor: Option<u8>) -> String {
    let shape = match form_factor.map(|form| form & SHAPE) {
        Some(1) => "USB-A keychain",
        Some(2) => "USB-A nano",
        Some(3) => "USB-C keychain",
        Some(4) => "USB-C nano",
        Some(5) => "USB-C and Lightning",
        Some(6) => "USB-A biometric keychain",
        Some(7) => "USB-C biometric keychain",
        _ => return "YubiKey".to_owned(),
    };
    format!("YubiKey, {shape}")
}

fn is_factorable(firmware: [u8; 3], public_key: &[u8]) -> bool {
    (ROCA.0..ROCA.1).contains(&firmware) && input::key_kind(public_key) == Some(RSA)
}
