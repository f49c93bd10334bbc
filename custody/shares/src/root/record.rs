//! One deed, with everything that it takes to judge it.

use hufu_codec::encode;
use hufu_custodian::{Name, Roster, Signed};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::judge::confirmed;
use crate::strict::decode_strictly;
use crate::{Error, HandoverRequest, SignedManifest};

/// Longest record in bytes: the longest roster, a manifest and 64 signed statements.
pub const ROOT_RECORD_LEN_MAX: usize = 640 << 10;

/// Longest text in bytes.
const TEXT_LEN_MAX: usize = 255;
const DOMAIN: &str = "hufu-root-record";
const VERSION: u32 = 1;

/// That a root was split among custodians, or that they opened a server. The service writes it; what custodians signed is in it as they
/// signed it. It holds no secret, and nothing that is sealed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RootRecord {
    /// The deployment: the origin of its log.
    #[n(0)]
    pub deployment: String,
    /// The name and version of the software that did it, as it says itself.
    #[n(1)]
    pub software: String,
    /// When, in milliseconds since 1970, by the clock of the machine that did it.
    #[n(2)]
    pub at_ms: u64,
    /// The roster ([`Roster::to_bytes`]).
    #[n(3)]
    roster: ByteVec,
    /// What is publicly known of the shares ([`SignedManifest::to_bytes`]).
    #[n(4)]
    manifest: ByteVec,
    /// What was done.
    #[n(5)]
    pub deed: Deed,
}

/// What was done with a root.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Deed {
    /// It was made and split, in a deployment that began with it.
    #[n(1)]
    Split,
    /// Enough custodians opened a server.
    #[n(2)]
    Opened(#[n(0)] Opening),
}

/// A server that its custodians opened.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Opening {
    /// The audit trail of this start of the server: its chain's name.
    #[n(0)]
    pub server: String,
    /// SHA-256 of the certificate that the server showed, DER.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub certificate: [u8; 32],
    /// What it asked of them ([`HandoverRequest::to_bytes`]).
    #[n(2)]
    request: ByteVec,
    /// What each signed: a [`crate::Handover`]. What is sealed is not in it.
    #[n(3)]
    pub statements: Vec<Signed>,
}

impl Opening {
    /// An opening of the server whose audit trail and certificate these are.
    #[must_use]
    pub fn new(server: String, certificate: [u8; 32], request: &HandoverRequest, statements: Vec<Signed>) -> Self {
        Self { server, certificate, request: request.to_bytes().into(), statements }
    }

    /// What the server asked of the custodians.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn request(&self) -> Result<HandoverRequest, Error> {
        HandoverRequest::from_bytes(&self.request)
    }
}

impl RootRecord {
    /// A record of a deed under that manifest and roster.
    #[must_use]
    pub fn new(of: (&str, &str), at_ms: u64, roster: &Roster, manifest: &SignedManifest, deed: Deed) -> Self {
        let (deployment, software) = (of.0.to_owned(), of.1.to_owned());
        let (roster, manifest) = (roster.to_bytes().into(), manifest.to_bytes().into());
        Self { deployment, software, at_ms, roster, manifest, deed }
    }

    /// The roster that the custodians are in.
    ///
    /// # Errors
    /// [`Error::Custodian`].
    pub fn roster(&self) -> Result<Roster, Error> {
        Ok(Roster::from_bytes(&self.roster)?)
    }

    /// The manifest of the shares. Nothing is verified.
    ///
    /// # Errors
    /// Those of [`SignedManifest::from_bytes`].
    pub fn manifest(&self) -> Result<SignedManifest, Error> {
        SignedManifest::from_bytes(&self.manifest)
    }

    /// Who has confirmed to hold a good share of it, in the order of the shares.
    ///
    /// # Errors
    /// [`Error::Refused`] with the custodian's name when a confirmation is of other shares or another seat, or there twice;
    /// [`Error::Custodian`] when the roster's key does not verify it.
    pub fn confirmed(&self, confirmations: &[Signed]) -> Result<Vec<Name>, Error> {
        confirmed(self.manifest()?.unverified(), &self.roster()?, confirmations)
    }

    /// What names it on the ledger: SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    /// As bytes: one record has one encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`RootRecord::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`], [`Error::Transcript`] for texts that cannot be shown.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let record: Self = decode_strictly(DOMAIN, VERSION, bytes, ROOT_RECORD_LEN_MAX)?;
        let server = match &record.deed {
            Deed::Split => None,
            Deed::Opened(opening) => Some(&opening.server),
        };
        if !is_origin(&record.deployment) {
            return Err(Error::Transcript("its deployment is not the name of a log's key"));
        }
        if [Some(&record.software), server].into_iter().flatten().all(|text| is_shown(text)) {
            Ok(record)
        } else {
            Err(Error::Transcript("a text in it has not 1 to 255 visible ASCII characters"))
        }
    }
}

/// What a log's key may be called, by the rules of signed notes (C2SP signed-note): in any script, since origins are.
fn is_origin(text: &str) -> bool {
    let fits = !text.is_empty() && text.len() <= TEXT_LEN_MAX;
    fits && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn is_shown(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_LEN_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}
