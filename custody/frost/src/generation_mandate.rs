//! What a requester signs so that holders make a key: the leave to generate one version of one key.
//!
//! It names the holders in the order of their numbers, so that no coordinator chooses who they are, and the set id is
//! derived from it: one mandate makes one generation, which is worth nothing when it is begun again by others.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::error::Error;
use crate::id::{SetId, sha256};
use crate::mandate::KeyVersion;
use crate::signed::{Leave, Signed, is_name, signed_len_max};
use crate::suite::Suite;
use crate::threshold::{Identifier, Threshold};
use crate::wire::Message;

/// Leave to make one version of a key among holders, until a time.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct GenerationMandate {
    /// Which installation: a mandate for a test system is none for the real one.
    #[n(0)]
    pub deployment: String,
    /// The key version that is to be.
    #[n(1)]
    pub key: KeyVersion,
    /// The suite.
    #[n(2)]
    pub suite: Suite,
    /// How many sign together, and of how many: as many as there are names.
    #[n(3)]
    pub threshold: Threshold,
    /// The holders' names, each once: the first is number 1.
    #[n(4)]
    pub holders: Vec<String>,
    /// When it ends, in milliseconds since the Unix epoch. At this time it is over.
    #[n(5)]
    pub expires_at_ms: u64,
    /// Whose leave it is: a name under which holders know a public key.
    #[n(6)]
    pub requester: String,
    /// Random bytes, drawn for this mandate.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub seed: [u8; 32],
}

impl Message for GenerationMandate {
    const DOMAIN: &'static str = "hufu-generation-mandate";
    /// With its signature it is at most 4 KiB.
    const LEN_MAX: usize = 3_520;
}

impl Leave for GenerationMandate {
    const SIGNED_DOMAIN: &'static str = "hufu-signed-generation-mandate";

    fn is_in_range(&self) -> bool {
        let mut names = [&self.deployment, &self.key.name, &self.requester].into_iter().chain(&self.holders);
        let distinct = self.holders.iter().collect::<BTreeSet<_>>().len();
        let counts = [distinct, self.holders.len()] == [usize::from(self.threshold.n()); 2];
        names.all(|name| is_name(name)) && counts && self.key.version > 0
    }
}

impl GenerationMandate {
    /// The bytes that the requester signs, at most 3,520.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a name is empty, too long or has control characters, a holder is named twice, there
    /// are not n of them, or the version is 0; [`Error::TooLong`] when the names together are.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, Error> {
        Leave::to_be_signed(self)
    }

    /// The number of a holder; `None` when the mandate does not name it.
    #[must_use]
    pub fn number(&self, holder: &str) -> Option<Identifier> {
        let index = self.holders.iter().position(|name| name == holder)?;
        Identifier::new(u8::try_from(index).ok()?.checked_add(1)?).ok()
    }
}

/// A mandate to generate with its requester's signature, which a holder verifies for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedGenerationMandate(Signed<GenerationMandate>);

impl SignedGenerationMandate {
    /// The longest encoding, in bytes.
    pub const LEN_MAX: usize = signed_len_max(GenerationMandate::LEN_MAX);

    /// Puts the requester's signature over [`GenerationMandate::to_be_signed`] to the mandate.
    ///
    /// # Errors
    /// As of [`GenerationMandate::to_be_signed`]; [`Error::Malformed`] for a signature of more than 512 bytes.
    pub fn new(mandate: GenerationMandate, signature: Vec<u8>) -> Result<Self, Error> {
        Signed::new(mandate, signature).map(Self)
    }

    /// Reads a mandate. The signature is not verified here.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Signed::from_bytes(bytes).map(Self)
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// What is allowed.
    #[must_use]
    pub fn mandate(&self) -> &GenerationMandate {
        self.0.leave()
    }

    /// The bytes that were signed.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.0.signed()
    }

    /// The requester's signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.0.signature()
    }

    /// The generation that it allows: SHA-256 over the envelope `hufu-generation-set` of the signed bytes' digest.
    #[must_use]
    pub fn set_id(&self) -> SetId {
        SetId(sha256(&hufu_codec::encode("hufu-generation-set", 1, &self.0.digest())))
    }
}

/// Which part of a mandate to generate the bytes are.
pub(crate) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    crate::signed::recognise::<GenerationMandate>(bytes)
}

const _: () = assert!(SignedGenerationMandate::LEN_MAX <= 4 << 10);
