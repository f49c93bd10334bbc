//! Statements that real devices made, at a pinned clock, and everything that must not pass for them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::fs;

use common::{PINNED_MS, Parts, certificates_of, fault, fixtures, from_pem, public_key_of, signed_data, signed_part};
use hufu_attestation::{AttestationError, CertificateFault, PinPolicy, Policy, TouchPolicy, Vendor};

/// Milliseconds of 2016-03-14, the beginning of the YubiKey's certificates, and of 2052-04-17, their end.
const YUBIKEY_WINDOW_MS: (u64, u64) = (1_457_913_600_000, 2_596_924_800_000);

/// Milliseconds of 2020-03-01, the beginning of the Luna's certificates, and of 2032-01-01, the end of their root.
const LUNA_WINDOW_MS: (u64, u64) = (1_583_020_800_000, 1_956_528_000_000);

/// Step between the bits of the Luna's authorities that are tried: four RSA-4096 signatures a bit. Prime to 8.
const STEP: usize = 13;

fn yubikey() -> Option<Parts> {
    let folder = fixtures()?;
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let statement = from_pem(&read("yubikey-piv-attestation.pem"));
    Some(Parts {
        public_key: public_key_of(&statement).unwrap(),
        statement,
        intermediates: from_pem(&read("yubikey-piv-intermediate.pem")),
        anchors: from_pem(&read("yubikey-piv-root.pem")),
        at_ms: PINNED_MS,
    })
}

fn luna() -> Option<Parts> {
    let folder = fixtures()?;
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    Some(Parts {
        statement: read("luna-rsa-pkc.p7b"),
        intermediates: Vec::new(),
        anchors: from_pem(&read("luna-root.pem")),
        public_key: read("luna-rsa.csr"),
        at_ms: PINNED_MS,
    })
}

#[test]
fn yubikey_statement_tells_device_and_policies() {
    let Some(parts) = yubikey() else { return };
    let statement = parts.verify().unwrap();
    assert_eq!(statement.vendor, Vendor::Yubico);
    assert_eq!(statement.model.as_deref(), Some("YubiKey, USB-C keychain"));
    assert_eq!(statement.serial.as_deref(), Some("25515003"));
    assert_eq!(statement.firmware.as_deref(), Some("5.4.3"));
    assert!(statement.non_exportable && statement.generated_on_device);
    let expected = [
        Policy::Slot("9c".into()),
        Policy::Pin(PinPolicy::Always),
        Policy::Touch(TouchPolicy::Never),
        Policy::FipsSeries,
    ];
    assert_eq!(statement.policies, expected);
    let subjects: Vec<_> = statement.chain.iter().map(|link| link.subject.as_str()).collect();
    let expected =
        ["CN=YubiKey PIV Attestation 9c", "CN=Yubico PIV Attestation", "CN=Yubico PIV Root CA Serial 263751"];
    assert_eq!(subjects, expected);
    assert_eq!(statement.chain[0].not_before_ms, YUBIKEY_WINDOW_MS.0);
}

#[test]
fn luna_statement_tells_the_device() {
    let Some(parts) = luna() else { return };
    let statement = parts.verify().unwrap();
    assert_eq!(statement.vendor, Vendor::Thales);
    assert_eq!(statement.model.as_deref(), Some("Luna K7"));
    assert_eq!(statement.serial.as_deref(), Some("521174"));
    assert_eq!(statement.firmware.as_deref(), Some("7.84"));
    assert!(statement.non_exportable && statement.generated_on_device);
    assert_eq!(statement.chain.len(), 5);
    assert_eq!(statement.chain[4].not_after_ms, LUNA_WINDOW_MS.1);
}

#[test]
fn files_in_pem_say_the_same() {
    let Some(folder) = fixtures() else { return };
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let der = yubikey().unwrap();
    let pem = Parts {
        statement: [read("yubikey-piv-attestation.pem"), read("yubikey-piv-intermediate.pem")].concat(),
        intermediates: Vec::new(),
        anchors: [read("luna-root.pem"), read("yubikey-piv-root.pem")].concat(),
        ..der.clone()
    };
    assert_eq!(pem.verify(), der.verify());
}

#[test]
fn clock_outside_the_window_is_refused() {
    for (parts, (from, to)) in [(yubikey(), YUBIKEY_WINDOW_MS), (luna(), LUNA_WINDOW_MS)] {
        let Some(parts) = parts else { return };
        let at = |at_ms| Parts { at_ms, ..parts.clone() }.verify().map(|_| ()).map_err(fault);
        assert_eq!(at(from), Ok(()));
        assert_eq!(at(from - 1), Err(CertificateFault::NotYetValid));
        assert_eq!(at(to + 999), Ok(()));
        assert_eq!(at(to + 1000), Err(CertificateFault::Expired));
        assert_eq!(at(0), Err(CertificateFault::NotYetValid));
        assert_eq!(at(u64::MAX), Err(CertificateFault::Expired));
    }
}

#[test]
fn another_key_is_refused() {
    let (Some(yubikey), Some(luna)) = (yubikey(), luna()) else { return };
    let swapped = Parts { public_key: luna.public_key.clone(), ..yubikey.clone() };
    assert_eq!(swapped.verify(), Err(AttestationError::WrongKey));
    let swapped = Parts { public_key: yubikey.public_key, ..luna };
    assert_eq!(swapped.verify(), Err(AttestationError::WrongKey));
    let authority = Parts { public_key: public_key_of(&yubikey.intermediates).unwrap(), ..swapped };
    assert_eq!(authority.verify(), Err(AttestationError::WrongKey));
}

#[test]
fn roots_of_other_vendors_are_no_anchors() {
    let (Some(yubikey), Some(luna)) = (yubikey(), luna()) else { return };
    for (statement, root) in [(&yubikey, &luna), (&luna, &yubikey)] {
        let error = Parts { anchors: root.anchors.clone(), ..statement.clone() }.verify().unwrap_err();
        assert!(matches!(error, AttestationError::UnknownAnchor { .. }), "{error}");
    }
    let alone = Parts { intermediates: Vec::new(), ..yubikey.clone() }.verify().unwrap_err();
    assert!(
        matches!(&alone, AttestationError::UnknownAnchor { issuer, .. } if issuer == "CN=Yubico PIV Attestation")
    );
    let other = Parts { intermediates: certificates_of(&luna.statement)[1].clone(), ..yubikey }.verify();
    assert_eq!(other, Err(alone));
}

#[test]
fn authorities_are_no_keys() {
    let Some(parts) = yubikey() else { return };
    let public_key = public_key_of(&parts.intermediates).unwrap();
    let attesting = Parts { statement: parts.intermediates.clone(), public_key, ..parts };
    assert!(matches!(attesting.verify(), Err(AttestationError::Statement(_))));
}

#[test]
fn a_confirmation_needs_every_authority_and_nothing_else() {
    let Some(parts) = luna() else { return };
    let whole = certificates_of(&parts.statement);
    assert_eq!(signed_data(&whole), parts.statement);
    let with = |certificates: &[Vec<u8>]| Parts { statement: signed_data(certificates), ..parts.clone() }.verify();
    for missing in 1..4 {
        let mut certificates = whole.clone();
        certificates.remove(missing);
        assert!(matches!(with(&certificates), Err(AttestationError::UnknownAnchor { .. })), "{missing}");
    }
    assert!(matches!(with(&whole[1..]), Err(AttestationError::Statement(_))));
    assert!(with(&whole[..4]).is_ok(), "the root is the caller's");
    let reversed: Vec<_> = whole.iter().rev().cloned().collect();
    assert_eq!(with(&reversed), parts.verify());
    let foreign = yubikey().unwrap().anchors;
    assert_eq!(with(&[whole.clone(), vec![foreign]].concat()).map_err(fault), Err(CertificateFault::Place));
    let leaves = [whole.clone(), vec![whole[0].clone()]].concat();
    assert!(matches!(with(&leaves), Err(AttestationError::Statement(_))));
}

/// Every bit of every signed part and of every signature, the anchor's own too. The key that is asked about changes
/// with the certificate, so that nothing but a signature can tell.
#[test]
fn no_flipped_bit_of_a_yubikey_chain_passes() {
    let Some(parts) = yubikey() else { return };
    let mut tried = 0;
    for bit in bits(&parts.statement) {
        let statement = flipped(&parts.statement, bit);
        let Some(public_key) = public_key_of(&statement) else { continue };
        tried += 1;
        assert!(Parts { statement, public_key, ..parts.clone() }.verify().is_err(), "bit {bit} of the statement");
    }
    for bit in bits(&parts.intermediates) {
        let intermediates = flipped(&parts.intermediates, bit);
        assert!(Parts { intermediates, ..parts.clone() }.verify().is_err(), "bit {bit} of the intermediate");
    }
    for bit in bits(&parts.anchors) {
        let anchors = flipped(&parts.anchors, bit);
        assert!(Parts { anchors, ..parts.clone() }.verify().is_err(), "bit {bit} of the anchor");
    }
    println!("{tried} of the statement's bits reached the verifier as a certificate");
    assert!(tried > 3000, "{tried}");
}

#[test]
fn no_flipped_bit_of_a_luna_chain_passes() {
    let Some(parts) = luna() else { return };
    let whole = certificates_of(&parts.statement);
    println!("sampled: every {STEP}th bit of the authorities, every bit of the key's own certificate");
    for (place, certificate) in whole.iter().enumerate() {
        for bit in bits(certificate).step_by(if place == 0 { 1 } else { STEP }) {
            let mut certificates = whole.clone();
            certificates[place] = flipped(certificate, bit);
            let asked = if place == 0 { public_key_of(&certificates[0]) } else { None };
            let public_key = asked.unwrap_or_else(|| parts.public_key.clone());
            let changed = Parts { statement: signed_data(&certificates), public_key, ..parts.clone() };
            assert!(changed.verify().is_err(), "bit {bit} of certificate {place}");
        }
    }
    for bit in bits(&parts.anchors).step_by(STEP) {
        let anchors = flipped(&parts.anchors, bit);
        assert!(Parts { anchors, ..parts.clone() }.verify().is_err(), "bit {bit} of the anchor");
    }
}

/// The bits of the signed part, and those of the last 2048 of the signature, which ends the certificate.
fn bits(certificate: &[u8]) -> impl Iterator<Item = usize> {
    let signed = signed_part(certificate);
    let signature = certificate.len() - 256..certificate.len();
    signed.chain(signature).flat_map(|byte| byte * 8..byte * 8 + 8)
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}
