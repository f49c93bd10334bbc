//! What a target asks of custodians.

use hufu_codec::encode;
use hufu_custodian::SealingKey;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::strict::decode_strictly;
use crate::{Error, Manifest, ManifestDigest};

/// Subjects of roots begin so.
pub const ROOT_SUBJECT: &str = "root/";
/// Longest life of a request in milliseconds.
pub const LIFETIME_MS_MAX: u64 = 24 * 3_600 * 1_000;

const LEN_MAX: usize = 1 << 10;
const DOMAIN: &str = "hufu-handover-request";
const VERSION: u32 = 1;

/// What a share is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Wanted {
    /// To open a service whose root is split, for one start of it.
    #[n(1)]
    Unseal,
}

/// A target's wish for the shares of one set: sealed to its key, for one purpose, until a time. It proves nothing of who asks:
/// the custodian's tool knows that from where it has it, a server whose certificate it verified or a person.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HandoverRequest {
    /// What the shares are wanted for.
    #[n(0)]
    pub wanted: Wanted,
    /// The shares of which manifest.
    #[n(1)]
    pub manifest: ManifestDigest,
    /// Where they are to be sealed to: a key that was made for this.
    #[n(2)]
    pub target: SealingKey,
    /// When it was made, in milliseconds since 1970.
    #[n(3)]
    pub made_at_ms: u64,
    /// When it ends.
    #[n(4)]
    pub expires_at_ms: u64,
}

impl HandoverRequest {
    /// Whether a share of that manifest may be handed over for it now. The share of a key's set is never wanted for unsealing: it
    /// goes to a ceremony's target alone.
    ///
    /// # Errors
    /// [`Error::HandoverRequest`].
    pub fn check(&self, manifest: &Manifest, now_ms: u64) -> Result<(), Error> {
        let Wanted::Unseal = self.wanted;
        let why = if self.manifest != manifest.digest() {
            "it is for another share set or epoch"
        } else if !manifest.subject().name.starts_with(ROOT_SUBJECT) {
            "it is for unsealing, and the share is of no root"
        } else if now_ms >= self.expires_at_ms {
            "it has expired"
        } else if self.expires_at_ms.saturating_sub(self.made_at_ms) > LIFETIME_MS_MAX {
            "it lives longer than a day"
        } else {
            return Ok(());
        };
        Err(Error::HandoverRequest(why))
    }

    /// What a [handover](crate::Handover) names.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`HandoverRequest::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)
    }
}
