//! What the tests share.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]
#![expect(clippy::print_stdout, reason = "what a test skips, it prints")]

use std::ops::Range;
use std::path::PathBuf;

use der::{Decode, Reader, SliceReader};
use hufu_attestation::{AttestationError, CertificateFault, Evidence, Statement, verify};

/// 2025-06-19, within every window of the fixtures.
pub(crate) const PINNED_MS: u64 = 1_750_334_400_000;

/// Evidence whose parts can be changed.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) statement: Vec<u8>,
    pub(crate) intermediates: Vec<u8>,
    pub(crate) anchors: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) at_ms: u64,
}

impl Parts {
    pub(crate) fn verify(&self) -> Result<Statement, AttestationError> {
        verify(&Evidence {
            statement: &self.statement,
            intermediates: &self.intermediates,
            anchors: &self.anchors,
            public_key: &self.public_key,
            at_ms: self.at_ms,
        })
    }
}

/// The folder of genuine evidence; says so where it is absent.
pub(crate) fn fixtures() -> Option<PathBuf> {
    let folder = std::env::var_os("HUFU_FIXTURES").map(|root| PathBuf::from(root).join("hsm-attestation"));
    if folder.is_none() {
        println!("skipped: HUFU_FIXTURES not set");
    }
    folder
}

pub(crate) fn fault(error: AttestationError) -> CertificateFault {
    match error {
        AttestationError::Certificate { fault, .. } => fault,
        other => panic!("not about a certificate: {other}"),
    }
}

/// Contents of a PEM file, whose lines may end with spaces.
pub(crate) fn from_pem(pem: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = std::str::from_utf8(pem).unwrap().lines().map(str::trim_end).collect();
    der::pem::decode_vec(lines.join("\n").as_bytes()).unwrap().1
}

/// Where the TBSCertificate is in a certificate.
pub(crate) fn signed_part(certificate: &[u8]) -> Range<usize> {
    let mut reader = SliceReader::new(certificate).unwrap();
    der::Header::decode(&mut reader).unwrap();
    let start = usize::try_from(reader.position()).unwrap();
    start..start + reader.tlv_bytes().unwrap().len()
}

/// The SubjectPublicKeyInfo of a certificate; nothing if it cannot be read.
pub(crate) fn public_key_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    der::Encode::to_der(certificate.tbs_certificate().subject_public_key_info()).ok()
}

/// A tag, a length and contents in DER.
pub(crate) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let header = match length {
        0..=0x7f => vec![tag, u8::try_from(length).unwrap()],
        _ => [&[tag, 0x83][..], &u32::try_from(length).unwrap().to_be_bytes()[1..]].concat(),
    };
    let header = match header.as_slice() {
        [tag, 0x83, 0, 0, low] => vec![*tag, 0x81, *low],
        [tag, 0x83, 0, high, low] => vec![*tag, 0x82, *high, *low],
        _ => header,
    };
    [header.as_slice(), contents].concat()
}

/// A SignedData of certificates alone.
pub(crate) fn signed_data(certificates: &[Vec<u8>]) -> Vec<u8> {
    const SIGNED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    const DATA: &[u8] = &[0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    let certificates = tlv(0xa0, &certificates.concat());
    let inner = tlv(0x30, &[&[2, 1, 1, 0x31, 0][..], DATA, &certificates, &[0x31, 0]].concat());
    tlv(0x30, &[SIGNED_DATA, &tlv(0xa0, &inner)].concat())
}

/// The certificates of a SignedData that [`signed_data`] writes.
pub(crate) fn certificates_of(signed_data: &[u8]) -> Vec<Vec<u8>> {
    const HEADERS: usize = 45;
    let mut reader = SliceReader::new(&signed_data[HEADERS..signed_data.len() - 2]).unwrap();
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(reader.tlv_bytes().unwrap().to_vec());
    }
    found
}
