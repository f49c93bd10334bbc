//! Why a statement was refused.

use thiserror::Error;

/// Why a statement proves nothing about the public key.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// An input is longer than [`INPUT_LEN_MAX`](crate::INPUT_LEN_MAX).
    #[error("{0} is longer than {max} bytes", max = crate::INPUT_LEN_MAX)]
    TooLong(&'static str),
    /// The public key that was asked about cannot be read.
    #[error("public key is neither a SubjectPublicKeyInfo nor a certificate request")]
    PublicKey,
    /// The trust anchors cannot be read, there are none, or one is damaged.
    #[error("trust anchor: {0}")]
    Anchor(&'static str),
    /// The intermediate certificates cannot be read.
    #[error("intermediate certificates: {0}")]
    Intermediate(&'static str),
    /// The statement cannot be read, or is none of a kind that is known here.
    #[error("statement: {0}")]
    Statement(&'static str),
    /// The statement is about another key than the one asked about.
    #[error("statement is about another key")]
    WrongKey,
    /// No certificate at hand, and no trust anchor, has the name of the issuer.
    #[error("no trust anchor: nobody known is `{issuer}`, who issued the certificate of `{subject}`")]
    UnknownAnchor {
        /// Whose certificate it is (RFC 4514).
        subject: String,
        /// Who is said to have issued it.
        issuer: String,
    },
    /// A certificate of the path does not hold.
    #[error("certificate of `{subject}`: {fault}")]
    Certificate {
        /// Whose certificate it is (RFC 4514).
        subject: String,
        /// What is wrong.
        fault: CertificateFault,
    },
    /// The statement holds, but its device is known to make keys that others can compute.
    #[error("keys of this device can be computed from their public keys: {0}")]
    Vulnerable(&'static str),
}

/// What is wrong with one certificate (RFC 5280 §6.1).
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It was not signed by the key of its issuer.
    #[error("signature is wrong")]
    Signature,
    /// Its signature algorithm, or the issuer's kind of key, is not accepted.
    #[error("signature algorithm is not accepted")]
    Algorithm,
    /// Its validity begins later.
    #[error("not yet valid")]
    NotYetValid,
    /// Its validity is over.
    #[error("expired")]
    Expired,
    /// It issued a certificate and is no authority, or may not sign certificates.
    #[error("not an authority that may sign certificates")]
    NotAuthority,
    /// It is an authority where a key's own certificate is expected.
    #[error("an authority, not the certificate of a key")]
    Authority,
    /// More authorities follow than it allows, or than are followed here.
    #[error("path of certificates is too long")]
    PathLength,
    /// It has a critical extension that is not known here.
    #[error("unknown critical extension {0}")]
    Critical(String),
    /// It has not the place in the vendor's hierarchy that its position in the path needs.
    #[error("has another place in the vendor's hierarchy")]
    Place,
    /// What it says about the key or the device cannot be read.
    #[error("{0}")]
    Claim(&'static str),
}
