//! Thales Luna public key confirmation (PKC): a certificate that the HSM makes for a key of its own, under keys that it
//! has from the factory, as a PKCS#7 file of the whole chain (`cmu getpkc`, format Chrysalis-ITS).
//!
//! A Luna HSM confirms only keys that it has generated and that are never extractable. Such a key may be cloned to other
//! Luna HSMs of the same cloning domain, and nowhere else. What each authority is for is its extended key usage, in the
//! arc 1.3.6.1.4.1.12383.1, and is checked for each position: otherwise any of them could stand for any other. This is
//! the chain for RSA keys; the one for elliptic curves has other authorities and is refused.

use der::asn1::ObjectIdentifier;

use crate::certificate::{Certificate, sha256};
use crate::error::{AttestationError, CertificateFault};
use crate::evidence::Question;
use crate::path;
use crate::statement::{Statement, Vendor};

/// What each certificate below the root is for, from the key's own: proof of origin, device authentication, hardware
/// origin, manufacturing integrity.
const PLACES: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.12383.1.13"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.12383.1.12"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.12383.1.8"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.12383.1.7"),
];

/// What the root is for.
const ROOT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.12383.1.1");

const SERIAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.12383.2.1");
const FIRMWARE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.12383.2.3");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// Checks the certificates of a confirmation, in any order. Each must have its place in the path, or be the root.
pub(crate) fn verify(certificates: Vec<Certificate>, question: &Question) -> Result<Statement, AttestationError> {
    let (leaf, others) = take_leaf(certificates)?;
    question.check_key(&leaf)?;
    let path = path::verified(&leaf, &others, &question.anchors, &[EXTENDED_KEY_USAGE], question.at_ms)?;
    check_places(&path)?;
    check_nothing_left(&others, &path)?;
    let serial = serial(&path).map_err(|what| leaf.fault(CertificateFault::Claim(what)))?;
    Ok(Statement {
        vendor: Vendor::Thales,
        model: path.get(1).and_then(|device| model(device, serial)),
        serial: Some(serial.to_string()),
        firmware: leaf.extension(FIRMWARE).and_then(firmware),
        non_exportable: true,
        generated_on_device: true,
        policies: Vec::new(),
        chain: path.iter().map(|certificate| certificate.link()).collect(),
        public_key_sha256: sha256(&question.public_key),
    })
}

fn take_leaf(mut certificates: Vec<Certificate>) -> Result<(Certificate, Vec<Certificate>), AttestationError> {
    let [proof_of_origin, ..] = PLACES;
    let mut leaves = certificates.iter().enumerate().filter(|(_, certificate)| is_for(certificate, proof_of_origin));
    let (Some((index, _)), None) = (leaves.next(), leaves.next()) else {
        return Err(AttestationError::Statement("not a Luna confirmation of one key"));
    };
    let leaf = certificates.swap_remove(index);
    Ok((leaf, certificates))
}

fn is_for(certificate: &Certificate, place: ObjectIdentifier) -> bool {
    certificate.extended_key_usage() == Some(&[place])
}

fn check_places(path: &[&Certificate]) -> Result<(), AttestationError> {
    let [below @ .., root] = path else {
        return Err(AttestationError::Statement("not a Luna confirmation of one key"));
    };
    for (certificate, place) in below.iter().zip(PLACES) {
        if !is_for(certificate, place) {
            return Err(certificate.fault(CertificateFault::Place));
        }
    }
    if below.len() == PLACES.len() && is_for(root, ROOT) { Ok(()) } else { Err(root.fault(CertificateFault::Place)) }
}

/// A certificate that nothing leads to was not checked, and is not carried along: only the root may come again.
fn check_nothing_left(others: &[Certificate], path: &[&Certificate]) -> Result<(), AttestationError> {
    let in_path = |other: &&Certificate| path.iter().any(|one| one.der() == other.der());
    match others.iter().find(|other| !in_path(other)) {
        Some(other) => Err(other.fault(CertificateFault::Place)),
        None => Ok(()),
    }
}

/// The serial number: the key's and the device's certificate must name the same.
fn serial(path: &[&Certificate]) -> Result<u32, &'static str> {
    let number = |certificate: &&Certificate| {
        let bytes = certificate.extension(SERIAL)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    };
    match (path.first().and_then(number), path.get(1).and_then(number)) {
        (Some(key), Some(device)) if key == device => Ok(key),
        (Some(_), Some(_)) => Err("serial number is not that of the device"),
        _ => Err("serial number is missing or malformed"),
    }
}

/// The major version and the rest as one number, as the vendor's own validator reads them: `7.84`.
fn firmware(bytes: &[u8]) -> Option<String> {
    match bytes {
        [release, _, major, _] => Some(format!("{major}.{release}")),
        _ => None,
    }
}

/// `Luna K7` of the device's name `Luna K7-521174`.
fn model(device: &Certificate, serial: u32) -> Option<String> {
    let name = device.common_name()?;
    Some(name.strip_suffix(&format!("-{serial}"))?.to_owned())
}
