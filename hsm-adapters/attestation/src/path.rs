//! The path from a key's certificate to a trust anchor (RFC 5280 §6.1, as far as vendors use it).

use der::asn1::ObjectIdentifier;

use crate::certificate::Certificate;
use crate::error::{AttestationError, CertificateFault};
use crate::signature::Sha1;

/// Most certificates in a path, the key's own and the anchor's among them.
pub const PATH_LEN_MAX: usize = 8;

/// Finds the path of `leaf` and checks all of it at one moment, in milliseconds since the Unix epoch. The key's own
/// certificate is the first, the anchor's the last. `known` names further extensions that the caller looks at.
///
/// # Errors
/// [`AttestationError::UnknownAnchor`], or [`AttestationError::Certificate`] with the first fault.
pub(crate) fn verified<'a>(
    leaf: &'a Certificate,
    intermediates: &'a [Certificate],
    anchors: &'a [Certificate],
    known: &[ObjectIdentifier],
    at_ms: u64,
) -> Result<Vec<&'a Certificate>, AttestationError> {
    let path = find(leaf, intermediates, anchors)?;
    for certificate in &path {
        certificate.check_validity(at_ms / 1000).map_err(|fault| certificate.fault(fault))?;
    }
    check_leaf(leaf).map_err(|fault| leaf.fault(fault))?;
    for (index, authority) in path.iter().enumerate().skip(1) {
        let is_anchor = index + 1 == path.len();
        check_authority(authority, index - 1, is_anchor).map_err(|fault| authority.fault(fault))?;
    }
    // The anchor is trusted as it is; its extensions are not a statement that anybody has to accept.
    for certificate in path.iter().rev().skip(1) {
        if let Some(oid) = certificate.unknown_critical(known) {
            return Err(certificate.fault(CertificateFault::Critical(oid.to_string())));
        }
    }
    Ok(path)
}

/// Follows issuers upwards by name and signature; an anchor ends it. The first issuer that fits is followed and no
/// other tried after it: vendors do not sign one authority twice, and work stays linear.
fn find<'a>(
    leaf: &'a Certificate,
    intermediates: &'a [Certificate],
    anchors: &'a [Certificate],
) -> Result<Vec<&'a Certificate>, AttestationError> {
    let mut path = vec![leaf];
    let mut last = leaf;
    while path.len() < PATH_LEN_MAX {
        let anchor = issuer_among(last, anchors.iter());
        if let Ok(Some(anchor)) = anchor {
            path.push(anchor);
            return Ok(path);
        }
        let unused = intermediates.iter().filter(|one| !path.iter().any(|used| used.der() == one.der()));
        last = match (issuer_among(last, unused), anchor) {
            (Ok(Some(issuer)), _) => issuer,
            (Err(fault), _) | (Ok(None), Err(fault)) => return Err(last.fault(fault)),
            (Ok(None), Ok(_)) => return Err(unknown_anchor(last)),
        };
        path.push(last);
    }
    Err(leaf.fault(CertificateFault::PathLength))
}

/// The one that has the issuer's name and whose key made the signature; nothing if none has the name.
fn issuer_among<'a>(
    certificate: &Certificate,
    candidates: impl Iterator<Item = &'a Certificate>,
) -> Result<Option<&'a Certificate>, CertificateFault> {
    let mut fault = None;
    for candidate in candidates.filter(|candidate| candidate.subject() == certificate.issuer()) {
        match certificate.check_signed_by(candidate, Sha1::Refused) {
            Ok(()) => return Ok(Some(candidate)),
            Err(found) => fault = Some(found),
        }
    }
    fault.map_or(Ok(None), Err)
}

fn unknown_anchor(certificate: &Certificate) -> AttestationError {
    AttestationError::UnknownAnchor {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
    }
}

fn check_leaf(leaf: &Certificate) -> Result<(), CertificateFault> {
    if leaf.is_authority() { Err(CertificateFault::Authority) } else { Ok(()) }
}

/// An anchor need not call itself an authority: roots older than the extension do not.
fn check_authority(authority: &Certificate, below: usize, is_anchor: bool) -> Result<(), CertificateFault> {
    if !(authority.is_authority() || is_anchor) || !authority.may_sign_certificates() {
        return Err(CertificateFault::NotAuthority);
    }
    if authority.allows_below(below) { Ok(()) } else { Err(CertificateFault::PathLength) }
}
