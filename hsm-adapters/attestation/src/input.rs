//! Files as people have them: PEM (RFC 7468) or DER.

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode, pem};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::request::CertReq;

use crate::certificate::Certificate;
use crate::error::AttestationError;
use crate::signed_data;

/// Longest input in bytes, each by itself.
pub const INPUT_LEN_MAX: usize = 64 * 1024;

/// Most certificates in one input.
pub const CERTIFICATES_MAX: usize = 16;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// Reads the public key that a statement is asked about: a SubjectPublicKeyInfo in PEM or DER, or a certificate request
/// (PKCS#10, RFC 2986) in PEM, whose own signature proves nothing here and is not looked at. The answer is DER.
///
/// # Errors
/// [`AttestationError::PublicKey`], [`AttestationError::TooLong`].
pub fn public_key(bytes: &[u8]) -> Result<Vec<u8>, AttestationError> {
    bounded(bytes, "public key")?;
    public_key_of(bytes).ok_or(AttestationError::PublicKey)
}

/// What a statement file holds.
pub(crate) enum Contents {
    /// Certificates, the key's own first.
    Certificates(Vec<Certificate>),
    /// The certificates of a CMS SignedData, in any order.
    SignedData(Vec<Certificate>),
}

/// Reads a statement: certificates in PEM, one in DER, or a SignedData in either.
pub(crate) fn contents(bytes: &[u8]) -> Result<Contents, &'static str> {
    let blocks = blocks(bytes)?;
    match blocks.as_slice() {
        [Block { der, label }] if label.is_signed_data(der) => {
            let certificates = signed_data::certificates(der)?;
            let certificates: Result<_, _> = certificates.into_iter().map(Certificate::parse).collect();
            certificates.map(Contents::SignedData)
        }
        _ => blocks.iter().map(Block::certificate).collect::<Result<_, _>>().map(Contents::Certificates),
    }
}

/// Reads certificates in PEM, or one in DER.
pub(crate) fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, &'static str> {
    blocks(bytes)?.iter().map(Block::certificate).collect()
}

pub(crate) fn bounded(bytes: &[u8], what: &'static str) -> Result<(), AttestationError> {
    if bytes.len() > INPUT_LEN_MAX { Err(AttestationError::TooLong(what)) } else { Ok(()) }
}

/// One thing in a file.
struct Block {
    label: Label,
    der: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    /// The file is DER and does not say.
    None,
    Certificate,
    SignedData,
    PublicKey,
    Request,
}

impl Label {
    fn parse(label: &str) -> Option<Self> {
        match label {
            "CERTIFICATE" => Some(Self::Certificate),
            "PKCS7" | "CMS" => Some(Self::SignedData),
            "PUBLIC KEY" => Some(Self::PublicKey),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Some(Self::Request),
            _ => None,
        }
    }

    fn is_signed_data(self, der: &[u8]) -> bool {
        self == Self::SignedData || (self == Self::None && signed_data::is_content_info(der))
    }
}

impl Block {
    fn certificate(&self) -> Result<Certificate, &'static str> {
        match self.label {
            Label::None | Label::Certificate => Certificate::parse(&self.der),
            _ => Err("holds something else than certificates"),
        }
    }
}

fn public_key_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let blocks = blocks(bytes).ok()?;
    let [Block { label, der }] = blocks.as_slice() else {
        return None;
    };
    let key = match label {
        Label::None | Label::PublicKey => SubjectPublicKeyInfoOwned::from_der(der).ok()?,
        Label::Request => CertReq::from_der(der).ok()?.info.public_key,
        _ => return None,
    };
    key.to_der().ok()
}

/// The blocks of a PEM file, at least one; text around them is ignored (RFC 7468 §5.2). Or the file itself, if DER.
fn blocks(bytes: &[u8]) -> Result<Vec<Block>, &'static str> {
    const SEQUENCE: u8 = 0x30;
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(vec![Block { label: Label::None, der: bytes.to_vec() }]);
    }
    let mut text = std::str::from_utf8(bytes).map_err(|_| "neither DER nor PEM")?;
    let mut found = Vec::new();
    while let Some((block, rest)) = next_block(text) {
        if found.len() == CERTIFICATES_MAX {
            return Err("more certificates than are read");
        }
        let block = strict(block);
        let (label, der) = pem::decode_vec(block.as_bytes()).map_err(|_| "malformed PEM")?;
        found.push(Block { label: Label::parse(label).ok_or("holds PEM of a kind that is not read here")?, der });
        text = rest;
    }
    if found.is_empty() { Err("neither DER nor PEM") } else { Ok(found) }
}

/// Without the spaces that lines of some vendors' files end with (RFC 7468 §3 lets parsers ignore them).
fn strict(block: &str) -> String {
    block.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The text of the first block, and what follows it.
fn next_block(text: &str) -> Option<(&str, &str)> {
    let (_, from) = text.split_at_checked(text.find(BEGIN)?)?;
    let end = from.find(END)?;
    let line = from.get(end..)?.find('\n').map_or(from.len(), |length| end + length + 1);
    from.split_at_checked(line)
}

/// The object identifier of a key's kind.
pub(crate) fn key_kind(public_key: &[u8]) -> Option<ObjectIdentifier> {
    Some(SubjectPublicKeyInfoOwned::from_der(public_key).ok()?.algorithm.oid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let pem = "subject: a\n-----BEGIN CERTIFICATE----- \nMAA= \n-----END CERTIFICATE-----\r\nissuer: b\n\
                   -----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----";
        let blocks = blocks(pem.as_bytes()).unwrap();
        assert_eq!(blocks.len(), 2);
        assert!(blocks.iter().all(|block| block.der == [0x30, 0]));
        assert!(blocks[1].label == Label::SignedData);
    }

    #[test]
    fn what_is_no_file_of_this_kind_is_refused() {
        for bytes in
            [&b""[..], b"rubbish", b"\xff\xff", b"-----BEGIN X-----\nMAA=\n-----END X-----\n", b"-----BEGIN "]
        {
            assert!(contents(bytes).is_err());
            assert_eq!(public_key(bytes), Err(AttestationError::PublicKey));
        }
    }

    #[test]
    fn certificates_are_counted() {
        let one = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(blocks(one.repeat(CERTIFICATES_MAX).as_bytes()).is_ok());
        assert!(blocks(one.repeat(CERTIFICATES_MAX + 1).as_bytes()).is_err());
    }
}
