//! The seam to whatever holds keys: a token, a group of tokens, a TPM, software, later a TEE.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use hufu_secret::SecretBytes;

use crate::BoxFuture;
use crate::algorithm::{Algorithm, Purpose, Scheme};
use crate::name::VersionName;
use crate::record::{Attestation, Exit, Locator, Protection, VersionUid, WrappingKeyId};

/// A backend: capabilities, one operation method, health.
///
/// One method to decorate: worker processes, groups, breakers and fault injectors wrap [`KeyBackend::perform`]. A
/// private key never comes out of any operation in clear.
pub trait KeyBackend: Send + Sync + 'static {
    /// Short name for status and logs, such as `software` or `token:SERIAL`.
    fn name(&self) -> &str;

    /// The protection that it gives.
    fn protection(&self) -> Protection;

    /// What it can do, as probed when it was opened.
    fn capabilities(&self) -> Capabilities;

    /// Performs one operation, or fails before the deadline.
    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>>;

    /// Whether it answers.
    fn health(&self) -> Health;

    /// Counts how often the backend has lost what it knew of its device: sessions, handles, a process of its own. What is
    /// made in a new generation is not trusted before it is proven.
    fn generation(&self) -> u64 {
        0
    }

    /// Whether material at that place is this backend's: of one token among several.
    fn holds(&self, _: &Locator) -> bool {
        true
    }

    /// Tells the backend that a result of it was wrong: it forgets what it knows of its device, and finds keys anew.
    fn distrust(&self) {}

    /// How each device behind it is; nothing for a backend without one.
    fn devices(&self) -> Vec<DeviceStatus> {
        Vec::new()
    }

    /// Counts the times when a device may have come to lack keys, or came back: when it has grown, every key is to be levelled
    /// ([`Operation::Level`]). Nothing for a backend whose keys are in one place each.
    fn returns(&self) -> Option<u64> {
        None
    }
}

/// How a device is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceStatus {
    /// Serial number, or what else identifies it.
    pub serial: String,
    /// Manufacturer and model as the device states them; empty while it was never reached.
    pub model: String,
    /// The label as the device states it.
    pub label: String,
    /// Whether it answers.
    pub health: Health,
    /// Calls are refused at once until it works again.
    pub breaker_open: bool,
    /// How often what was known of it was lost.
    pub generation: u64,
    /// Sessions that are configured.
    pub sessions: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Whether its keys must not pass for hardware-protected.
    pub simulated: bool,
    /// Keys that it is known to lack; those that nobody has asked for are found by levelling.
    pub missing: u64,
    /// Name of the vendor profile that it is driven by; empty where there is none.
    pub profile: String,
}

/// What is asked of a backend.
#[derive(Debug)]
pub enum Operation<'a> {
    /// Make key material. Answer: [`Outcome::Generated`].
    Generate(&'a Template),
    /// Look for the material of a version, any half of it. Answer: [`Outcome::Found`].
    Find(VersionUid),
    /// All identities on the device that could be ours, at most so many. Answer: [`Outcome::Inventory`].
    Inventory(usize),
    /// Delete the material of a version, both halves. Absence is success. Answer: [`Outcome::Done`].
    Destroy(VersionUid),
    /// Sign. Answer: [`Outcome::Bytes`]: r ‖ s of fixed length for ECDSA and SM2, else as the standard says.
    Sign(&'a KeyHandle, SignInput<'a>),
    /// As [`Operation::Sign`], for a caller who accounts for each signature: once a device may have signed, no other one is
    /// asked, and the failure is told.
    SignOnce(&'a KeyHandle, SignInput<'a>),
    /// Verify with a public key. Answer: [`Outcome::Verified`].
    Verify(&'a PublicKey<'a>, SignInput<'a>, &'a [u8]),
    /// Compute a MAC. Answer: [`Outcome::Bytes`].
    Mac(&'a KeyHandle, &'a [u8]),
    /// Encrypt and authenticate with a secret key. Answer: [`Outcome::Bytes`]: ciphertext ‖ tag of 16 bytes.
    Seal(&'a KeyHandle, Aead<'a>),
    /// Decrypt what [`Operation::Seal`] made. Answer: [`Outcome::Plaintext`], or [`BackendError::Rejected`].
    Open(&'a KeyHandle, Aead<'a>),
    /// Encrypt to a public key. Answer: [`Outcome::Bytes`].
    EncryptTo(&'a PublicKey<'a>, &'a [u8]),
    /// Decrypt with a private key. Answer: [`Outcome::Plaintext`], or [`BackendError::Rejected`].
    DecryptWith(&'a KeyHandle, &'a [u8]),
    /// Make a shared secret and its ciphertext for a public key. Answer: [`Outcome::Encapsulated`]. For [`Scheme::Ecdh`] the
    /// ciphertext is the SubjectPublicKeyInfo of a pair that was made for this and is gone, and the secret is what
    /// [`Operation::Agree`] gives on it.
    Encapsulate(&'a PublicKey<'a>),
    /// Recover the shared secret from a ciphertext of [`Algorithm::encapsulation_len`] bytes. Answer:
    /// [`Outcome::Plaintext`]. A ciphertext that was not made for this key gives another secret, never an error (FIPS 203
    /// §6.3, implicit rejection); one of another length is [`BackendError::InvalidInput`].
    Decapsulate(&'a KeyHandle, &'a [u8]),
    /// Draw random bytes from the device. Answer: [`Outcome::Plaintext`].
    Random(usize),
    /// Agree on a shared secret with the holder of a public key, SubjectPublicKeyInfo, DER. Answer: [`Outcome::Plaintext`]:
    /// Z as SP 800-56Ar3 §5.7.1.2 and RFC 7748 §6.1 write it, before any key derivation. A point that is not on the
    /// curve, or that gives the neutral element, is [`BackendError::InvalidInput`].
    Agree(&'a KeyHandle, &'a [u8]),
    /// Wrap a key's material: PKCS#8 of a private key, the bytes of a secret one. Answer: [`Outcome::Bytes`]. Refused unless the
    /// material was made with an [`Exit`] that allows it.
    Wrap(&'a KeyHandle, Wrapping<'a>),
    /// Make key material out of what [`Operation::Wrap`] made, here or elsewhere. Answer: [`Outcome::Generated`], or
    /// [`BackendError::Rejected`] when the bytes are not genuine or the material is not what the template says.
    Unwrap(&'a Template, Arrival<'a>),
    /// Bring a key to every device that should hold it and does not. Answer: [`Outcome::Done`] when none is left.
    Level(&'a KeyHandle),
    /// Wrap material that is kept wrapped at rest under another wrapping key, without using it. Answer:
    /// [`Outcome::Rewrapped`], which was opened once to prove it; the old wrapping opens as before. Material that is on a
    /// device is [`BackendError::Unsupported`].
    Rewrap(&'a KeyHandle, Rewrap<'a>),
    /// Have holders make a key among themselves. Answer: [`Outcome::Generated`] with [`Locator::Holders`]. When it fails, no key
    /// came of it: a share that a holder has kept all the same signs nothing without a mandate for it.
    GenerateAmong(&'a Template, Among<'a>),
    /// Have holders sign a message, under the mandate that the requester has signed. Answer: [`Outcome::SignedByHolders`].
    SignUnder(&'a KeyHandle, SignInput<'a>, Under<'a>),
    /// Have each holder delete its share. Answer: [`Outcome::Done`] once all of them have said that it is gone, else
    /// [`BackendError::Holders`]. That a holder has none is success.
    DestroyAmong(Shared<'a>),
}

impl<'a> Operation<'a> {
    /// The key that is used, wrapped, wrapped anew or levelled. None is of what makes, finds or deletes material, nor of work with public keys.
    #[must_use]
    pub fn key(&self) -> Option<&'a KeyHandle> {
        match self {
            Self::Sign(key, _)
            | Self::SignOnce(key, _)
            | Self::Mac(key, _)
            | Self::Seal(key, _)
            | Self::Open(key, _)
            | Self::DecryptWith(key, _)
            | Self::Decapsulate(key, _)
            | Self::Agree(key, _)
            | Self::Wrap(key, _)
            | Self::Level(key)
            | Self::SignUnder(key, ..)
            | Self::Rewrap(key, _) => Some(key),
            Self::Generate(_)
            | Self::Find(_)
            | Self::Inventory(_)
            | Self::Destroy(_)
            | Self::Verify(..)
            | Self::EncryptTo(..)
            | Self::Encapsulate(_)
            | Self::Random(_)
            | Self::GenerateAmong(..)
            | Self::DestroyAmong(_)
            | Self::Unwrap(..) => None,
        }
    }
}

/// What wraps key material.
#[derive(Clone, Copy, Debug)]
pub enum Wrapping<'a> {
    /// A key of the service with [`Purpose::Wrap`], or for arrivals one with [`Purpose::Import`].
    Key(&'a KeyHandle),
    /// The public half of an RSA key: CKM_RSA_AES_KEY_WRAP (PKCS #11 v3.1 §6.1.22), RSA-OAEP of an AES key ‖ AES-KWP
    /// of the material.
    Public(&'a PublicKey<'a>),
    /// The key that the tokens of a group share, which only their security officer could put there.
    Group,
}

/// How material that is kept wrapped is to be wrapped from now on.
#[derive(Clone, Copy, Debug)]
pub struct Rewrap<'a> {
    /// The key that wraps it then.
    pub wrapping_key: WrappingKeyId,
    /// Associated data then: it names that key.
    pub binding: &'a [u8],
}

/// Wrapped material on its way in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// What opens it: never [`Wrapping::Public`].
    pub by: Wrapping<'a>,
    /// The wrapped material.
    pub wrapped: &'a [u8],
    /// SubjectPublicKeyInfo, DER, that the private key must belong to; nothing for secret keys.
    pub public_key: Option<&'a [u8]>,
}

/// Among whom a key is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Among<'a> {
    /// The version that is made.
    pub version: &'a VersionName,
    /// So many of them are to sign together.
    pub threshold: u8,
    /// The holders' names, in the order of their shares from 1.
    pub holders: &'a [String],
    /// The mandate to generate that the requester has signed.
    pub mandate: &'a [u8],
}

/// Under what holders sign.
#[derive(Clone, Copy, Debug)]
pub struct Under<'a> {
    /// The holders' names, in the order of their shares from 1.
    pub holders: &'a [String],
    /// The mandate to sign that the requester has signed.
    pub mandate: &'a [u8],
}

/// A key that holders share.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// The version.
    pub version: &'a VersionName,
    /// The holders' names, in the order of their shares from 1.
    pub holders: &'a [String],
    /// The public side of the shares, as in [`Locator::Holders`].
    pub group: &'a [u8],
}

/// What a backend answers.
#[derive(Debug)]
pub enum Outcome {
    /// New key material.
    Generated(Box<Generated>),
    /// Whether it is there.
    Found(bool),
    /// Identities on the device.
    Inventory(Vec<VersionUid>),
    /// It is done.
    Done,
    /// A public result: signature, MAC, ciphertext.
    Bytes(Vec<u8>),
    /// A secret result: plaintext, random bytes, shared secret.
    Plaintext(SecretBytes),
    /// A shared secret, and the ciphertext that carries it to the holder of the private key.
    Encapsulated {
        /// The ciphertext, as the standard writes it.
        ciphertext: Vec<u8>,
        /// The shared secret.
        secret: SecretBytes,
    },
    /// Whether the signature is good.
    Verified(bool),
    /// Where the same material is under another wrapping key.
    Rewrapped(Locator),
    /// A signature that holders have made together, which has been verified.
    SignedByHolders {
        /// The signature, as the scheme writes it.
        signature: Vec<u8>,
        /// Who failed on the way, and how; others have taken their places.
        faults: Vec<HolderFault>,
    },
}

/// How one holder failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HolderFault {
    /// The holder's name.
    pub holder: String,
    /// Whether it did what no honest holder does: somebody has to look.
    pub misbehaved: bool,
    /// What it did, in words for the caller.
    pub what: String,
}

impl fmt::Display for HolderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.holder, self.what)
    }
}

/// Why holders did not do together what they were asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldersError {
    /// So many of them refuse that nothing comes of it, whoever else is there.
    pub refused: bool,
    /// What came of it, in words for the caller.
    pub what: String,
    /// Who failed, and how.
    pub faults: Vec<HolderFault>,
}

impl fmt::Display for HoldersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (nth, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if nth == 0 { " (" } else { "; " })?;
        }
        if self.faults.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// What to generate.
#[derive(Clone, Debug)]
pub struct Template {
    /// Identity of the material: CKA_ID on a token.
    pub uid: VersionUid,
    /// The kind of key.
    pub algorithm: Algorithm,
    /// The only use that the token shall allow.
    pub purpose: Purpose,
    /// How it will be used.
    pub scheme: Scheme,
    /// Associated data for material that is wrapped at rest.
    pub binding: Arc<[u8]>,
    /// The key that wraps such material; tokens ignore it.
    pub wrapping_key: Option<WrappingKeyId>,
    /// Whether the material may ever leave.
    pub exit: Exit,
}

/// New key material.
#[derive(Debug)]
pub struct Generated {
    /// Where to find it.
    pub locator: Locator,
    /// SubjectPublicKeyInfo, DER; nothing for secret keys.
    pub public_key: Option<Vec<u8>>,
    /// Where it lives and who says so.
    pub attestation: Attestation,
}

/// A version's material, as the engine hands it to a backend.
#[derive(Clone, Debug)]
pub struct KeyHandle {
    /// Identity of the material.
    pub uid: VersionUid,
    /// The kind of key.
    pub algorithm: Algorithm,
    /// How it is used.
    pub scheme: Scheme,
    /// Where to find it.
    pub locator: Locator,
    /// Associated data of wrapped material.
    pub binding: Arc<[u8]>,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Option<Arc<[u8]>>,
    /// SM2 distinguishing identifier.
    pub distinguishing_id: Option<Arc<str>>,
}

/// A public key and how to use it.
#[derive(Clone, Copy, Debug)]
pub struct PublicKey<'a> {
    /// The kind of key.
    pub algorithm: Algorithm,
    /// How it is used.
    pub scheme: Scheme,
    /// SubjectPublicKeyInfo, DER.
    pub spki: &'a [u8],
    /// SM2 distinguishing identifier.
    pub distinguishing_id: Option<&'a str>,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum SignInput<'a> {
    /// A message; the backend hashes it as the scheme says.
    Message(&'a [u8]),
    /// A digest of [`Scheme::digest_len`] bytes.
    Digest(&'a [u8]),
}

/// Input of authenticated encryption.
#[derive(Clone, Copy)]
pub struct Aead<'a> {
    /// Nonce of 12 bytes, never repeated under one key.
    pub nonce: &'a [u8; 12],
    /// Associated data.
    pub aad: &'a [u8],
    /// Plaintext to seal, or ciphertext ‖ tag to open.
    pub data: &'a [u8],
}

impl fmt::Debug for Aead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aead({} bytes)", self.data.len())
    }
}

/// Why an operation failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BackendError {
    /// The backend cannot do this, and never could.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The backend does not answer now. Nothing is known of the effect.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The deadline passed. Nothing is known of the effect.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// Every session or queue slot is taken.
    #[error("overloaded")]
    Overloaded,
    /// The material is not there, or is not the one it should be.
    #[error("key material missing: {0}")]
    Missing(String),
    /// The ciphertext is not genuine. Says nothing more, so that it is no oracle.
    #[error("rejected")]
    Rejected,
    /// The input cannot be used with this key, such as a message too long for RSA.
    #[error("invalid input: {0}")]
    InvalidInput(String),
    /// The credentials were refused; they are not tried again.
    #[error("credentials refused: {0}")]
    Credentials(String),
    /// A fault of the device or of ours.
    #[error("failed: {0}")]
    Failed(String),
    /// Too few holders took part, or one of those that must did not. No output came of it.
    #[error("{0}")]
    Holders(Box<HoldersError>),
}

impl BackendError {
    /// The answer of whatever holds keys by itself to what only holders do.
    #[must_use]
    pub fn not_of_holders() -> Self {
        Self::Unsupported("what is here is shared among no holders".to_owned())
    }
}

/// Whether a backend answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// It answers.
    Serving,
    /// It does not, and this is why.
    Down(String),
}

/// What a backend can do: probed, never assumed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// What it can generate and use.
    pub schemes: Vec<(Algorithm, Purpose, Scheme)>,
    /// What it cannot, and why, in words for the caller.
    pub refusals: Vec<(Algorithm, Purpose, Scheme, String)>,
    /// Whether keys in it must not pass for hardware-protected.
    pub simulated: bool,
    /// In which ways material may leave, beside [`Exit::Never`], which is always there.
    pub exits: Vec<Exit>,
    /// What it can make, but not so that it may leave in that way, and why, in words for the caller.
    pub kept: Vec<(Algorithm, Purpose, Scheme, Exit, String)>,
    /// What it can make, but not take in, and why, in words for the caller.
    pub stays_out: Vec<(Algorithm, Purpose, Scheme, String)>,
}

impl Capabilities {
    /// Whether the backend can make such keys.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn check(&self, algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> Result<(), String> {
        if self.schemes.contains(&(algorithm, purpose, scheme)) {
            return Ok(());
        }
        let known = self.refusals.iter().find(|(a, p, s, _)| (*a, *p, *s) == (algorithm, purpose, scheme));
        Err(known.map_or_else(|| format!("{algorithm} with {scheme} is not available"), |(.., why)| why.clone()))
    }

    /// Whether it is known if the backend can make such keys: nothing is of a device that was never reached.
    #[must_use]
    pub fn knows(&self, algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> bool {
        let row = (algorithm, purpose, scheme);
        self.schemes.contains(&row) || self.refusals.iter().any(|(a, p, s, _)| (*a, *p, *s) == row)
    }

    /// Whether the backend can take such keys in that were made elsewhere.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn check_arrival(&self, algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> Result<(), String> {
        self.check(algorithm, purpose, scheme)?;
        let known = self.stays_out.iter().find(|(a, p, s, _)| (*a, *p, *s) == (algorithm, purpose, scheme));
        known.map_or(Ok(()), |(.., why)| Err(why.clone()))
    }

    /// Whether the backend can make any material that may leave so.
    #[must_use]
    pub fn allows(&self, exit: Exit) -> bool {
        exit == Exit::Never || self.exits.contains(&exit)
    }

    /// Whether the backend can make such keys so that they may leave in that way.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn check_exit(
        &self,
        algorithm: Algorithm,
        purpose: Purpose,
        scheme: Scheme,
        exit: Exit,
    ) -> Result<(), String> {
        self.check(algorithm, purpose, scheme)?;
        if !self.allows(exit) {
            return Err(format!("it holds no keys that are {exit}"));
        }
        let row = (algorithm, purpose, scheme, exit);
        let kept = self.kept.iter().find(|(a, p, s, e, _)| (*a, *p, *s, *e) == row);
        kept.map_or(Ok(()), |(.., why)| Err(why.clone()))
    }
}

/// Opens wrapping keys for backends that keep wrapped material.
pub trait WrappingKeys: Send + Sync + 'static {
    /// The 32-byte wrapping key of that id.
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>>;
}
