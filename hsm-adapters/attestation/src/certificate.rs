//! One certificate, and what of it this crate reads (RFC 5280 §4).

use aws_lc_rs::digest;
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Encode, Reader, SliceReader};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::certificate::Version;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::name::Name;

use crate::error::{AttestationError, CertificateFault};
use crate::signature::{self, Sha1};
use crate::statement::Link;

pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// Most extensions in a certificate.
const EXTENSIONS_MAX: usize = 32;

/// A certificate that was read, not one that is good.
#[derive(Debug)]
pub(crate) struct Certificate {
    der: Vec<u8>,
    /// The signed part as it was sent: writing it again could change what is not DER, such as an explicit default.
    tbs: Vec<u8>,
    inner: x509_cert::Certificate,
    basic_constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
    usages: Option<Vec<ObjectIdentifier>>,
}

impl Certificate {
    /// Reads DER; nothing may follow.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, &'static str> {
        let inner = x509_cert::Certificate::from_der(der).map_err(|_| "not an X.509 certificate")?;
        let tbs = signed_part(der).map_err(|_| "not an X.509 certificate")?.to_vec();
        if inner.tbs_certificate().version() != Version::V3 {
            return Err("not an X.509 certificate of version 3");
        }
        let extensions = inner.tbs_certificate().extensions();
        if extensions.is_some_and(|extensions| !well_formed(extensions)) {
            return Err("extensions of a certificate are too many or repeat");
        }
        let malformed = "a constraint of a certificate is malformed";
        let basic_constraints = decoded(extensions, BASIC_CONSTRAINTS).map_err(|_| malformed)?;
        let key_usage = decoded(extensions, KEY_USAGE).map_err(|_| malformed)?;
        let usages: Option<ExtendedKeyUsage> = decoded(extensions, EXTENDED_KEY_USAGE).map_err(|_| malformed)?;
        let usages = usages.map(|usages| usages.0);
        Ok(Self { der: der.to_vec(), tbs, inner, basic_constraints, key_usage, usages })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) fn subject(&self) -> &Name {
        self.inner.tbs_certificate().subject()
    }

    pub(crate) fn issuer(&self) -> &Name {
        self.inner.tbs_certificate().issuer()
    }

    /// The common name of the subject; nothing where it has none that can be read.
    pub(crate) fn common_name(&self) -> Option<String> {
        Some(self.subject().common_name().ok()??.value().into_owned())
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    pub(crate) fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.inner.tbs_certificate().subject_public_key_info()
    }

    pub(crate) fn public_key_der(&self) -> Option<Vec<u8>> {
        self.public_key().to_der().ok()
    }

    /// The contents of an extension.
    pub(crate) fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        let extensions = self.inner.tbs_certificate().extensions()?;
        find(extensions, oid).map(|extension| extension.extn_value.as_bytes())
    }

    /// Purposes of its extended key usage (RFC 5280 §4.2.1.12); nothing without one.
    pub(crate) fn extended_key_usage(&self) -> Option<&[ObjectIdentifier]> {
        self.usages.as_deref()
    }

    /// Critical extensions beside those that every path looks at.
    pub(crate) fn unknown_critical(&self, known: &[ObjectIdentifier]) -> Option<ObjectIdentifier> {
        let extensions = self.inner.tbs_certificate().extensions()?;
        let known = |oid| oid == BASIC_CONSTRAINTS || oid == KEY_USAGE || known.contains(&oid);
        let unknown = extensions.iter().find(|extension| extension.critical && !known(extension.extn_id));
        unknown.map(|extension| extension.extn_id)
    }

    /// Whether it calls itself an authority.
    pub(crate) fn is_authority(&self) -> bool {
        self.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca)
    }

    /// Whether its key usage, if it has one, lets it sign certificates.
    pub(crate) fn may_sign_certificates(&self) -> bool {
        self.key_usage.as_ref().is_none_or(KeyUsage::key_cert_sign)
    }

    /// Whether so many authorities may stand between it and the key's certificate.
    pub(crate) fn allows_below(&self, authorities: usize) -> bool {
        let limit = self.basic_constraints.as_ref().and_then(|constraints| constraints.path_len_constraint);
        limit.is_none_or(|limit| authorities <= usize::from(limit))
    }

    /// Whether it is valid at that second.
    pub(crate) fn check_validity(&self, at_s: u64) -> Result<(), CertificateFault> {
        let validity = self.inner.tbs_certificate().validity();
        if at_s < validity.not_before.to_unix_duration().as_secs() {
            return Err(CertificateFault::NotYetValid);
        }
        if at_s > validity.not_after.to_unix_duration().as_secs() {
            return Err(CertificateFault::Expired);
        }
        Ok(())
    }

    /// Whether the key of `issuer` signed it.
    pub(crate) fn check_signed_by(&self, issuer: &Self, sha1: Sha1) -> Result<(), CertificateFault> {
        let algorithm = self.inner.signature_algorithm();
        if self.inner.tbs_certificate().signature() != algorithm {
            return Err(CertificateFault::Algorithm);
        }
        let signature = self.inner.signature().as_bytes().ok_or(CertificateFault::Signature)?;
        signature::verify(&self.tbs, algorithm, signature, issuer.public_key(), sha1)
    }

    /// The error about this certificate.
    pub(crate) fn fault(&self, fault: CertificateFault) -> AttestationError {
        AttestationError::Certificate { subject: self.subject().to_string(), fault }
    }

    /// How a statement shows it.
    pub(crate) fn link(&self) -> Link {
        let validity = self.inner.tbs_certificate().validity();
        let ms = |seconds: u64| seconds.saturating_mul(1000);
        Link {
            subject: self.subject().to_string(),
            sha256: sha256(&self.der),
            not_before_ms: ms(validity.not_before.to_unix_duration().as_secs()),
            not_after_ms: ms(validity.not_after.to_unix_duration().as_secs()),
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = digest::digest(&digest::SHA256, bytes);
    hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// The bytes of the TBSCertificate, header and all.
fn signed_part(der: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(der)?;
    reader.sequence(|reader| {
        let tbs = reader.tlv_bytes()?;
        AnyRef::decode(reader)?;
        AnyRef::decode(reader)?;
        Ok(tbs)
    })
}

fn well_formed(extensions: &Extensions) -> bool {
    let repeats =
        |(index, one): (usize, &Extension)| extensions.iter().take(index).any(|other| other.extn_id == one.extn_id);
    extensions.len() <= EXTENSIONS_MAX && !extensions.iter().enumerate().any(repeats)
}

fn find(extensions: &Extensions, oid: ObjectIdentifier) -> Option<&Extension> {
    extensions.iter().find(|extension| extension.extn_id == oid)
}

fn decoded<'a, T: Decode<'a, Error = der::Error>>(
    extensions: Option<&'a Extensions>,
    oid: ObjectIdentifier,
) -> der::Result<Option<T>> {
    let extension = extensions.and_then(|extensions| find(extensions, oid));
    extension.map(|extension| T::from_der(extension.extn_value.as_bytes())).transpose()
}
