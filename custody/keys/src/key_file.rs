//! The file of a custodian's keys: who it is, where the keys are, and what is needed to use them.

use std::sync::Arc;

use hufu_codec::{decode, encode};
use hufu_core::algorithm::Algorithm;
use hufu_core::backend::{BackendError, Generated, KeyBackend, KeyHandle, Operation, Outcome, Template};
use hufu_core::record::{Exit, Locator, VersionUid, WrappingKeyId};
use hufu_custodian::{Custodian, Name, SealingKey, VerifyingKey};
use minicbor::{Decode, Encode};

use crate::argon::SALT_LEN;
use crate::suite::{Part, Suite, of_sealing, of_signing};
use crate::surroundings::{perform, random};
use crate::{Cost, CustodianKeys, Error};

const DOMAIN: &str = "hufu-custodian-key";
const BINDING_DOMAIN: &str = "hufu-custodian-material";
const VERSION: u32 = 1;
/// Longest encoded file in bytes.
const LEN_MAX: usize = 16 << 10;

/// Who a custodian is, before there are keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// How the custodian is called everywhere.
    pub name: Name,
    /// What people call the custodian.
    pub full_name: String,
    /// Whom the custodian works for.
    pub organisation: Name,
    /// What the custodian may do.
    pub roles: Vec<Name>,
}

/// Where the private keys are.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Place {
    /// In the file itself, under a passphrase.
    #[n(1)]
    File {
        /// How dear a guess is.
        #[n(0)]
        cost: Cost,
        /// Salt of the passphrase.
        #[cbor(n(1), with = "minicbor::bytes")]
        salt: [u8; SALT_LEN],
    },
    /// On a token, which they never leave.
    #[n(2)]
    Token {
        /// Serial number of the token.
        #[n(0)]
        serial: String,
        /// Manufacturer and model as the token states them.
        #[n(1)]
        model: String,
        /// Whether the token is a simulation: never real protection.
        #[n(2)]
        simulated: bool,
    },
    /// In a TPM. It keeps none: the file holds them, sealed so that this TPM alone loads them, and the PIN authorizes.
    #[n(3)]
    Tpm {
        /// Which TPM, as the hash of its storage root key tells it: it is another one once it is cleared.
        #[n(0)]
        device: String,
        /// Manufacturer and model as the TPM states them.
        #[n(1)]
        model: String,
        /// Whether the TPM is a simulation: never real protection.
        #[n(2)]
        simulated: bool,
    },
}

/// What is needed to use one key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct StoredKey {
    #[n(0)]
    uid: VersionUid,
    #[n(1)]
    locator: Locator,
}

/// A custodian's keys as they are kept: nothing in it is secret but under the passphrase.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct KeyFile {
    #[n(0)]
    custodian: Custodian,
    #[n(1)]
    place: Place,
    #[n(2)]
    signing: StoredKey,
    #[n(3)]
    sealing: StoredKey,
}

impl KeyFile {
    /// The public entry, as it wants to be in a roster.
    #[must_use]
    pub fn custodian(&self) -> &Custodian {
        &self.custodian
    }

    /// Where the private keys are.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// As bytes that can be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`KeyFile::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::KeyFile`], [`Error::Cost`]; [`Error::Custodian`] for an entry that no roster could have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > LEN_MAX {
            return Err(Error::KeyFile("it is too long"));
        }
        let read: Self = decode(DOMAIN, VERSION, bytes)?;
        let custodian = read.custodian.checked()?;
        let file = Self { custodian, ..read };
        if let Place::File { cost, .. } = &file.place {
            cost.check()?;
        }
        let fits = file.place.holds(&file.signing, file.custodian.signing.fingerprint())
            && file.place.holds(&file.sealing, file.custodian.sealing.fingerprint());
        if fits { Ok(file) } else { Err(Error::KeyFile("its keys are not where it says")) }
    }

    /// Makes both keys; what was made is removed when the other one cannot be.
    pub(crate) fn make(
        backend: &Arc<dyn KeyBackend>,
        mut identity: Identity,
        suite: Suite,
        place: Place,
    ) -> Result<(Self, CustodianKeys), Error> {
        identity.roles.sort_unstable();
        let mut made = Vec::new();
        let result = Self::try_make(backend, &identity, suite, place, &mut made);
        if result.is_err() {
            for uid in made {
                // The first failure is what is told; what could not be removed has a random identity, and no use.
                let _ = perform(backend.as_ref(), Operation::Destroy(uid));
            }
        }
        result
    }

    fn try_make(
        backend: &Arc<dyn KeyBackend>,
        identity: &Identity,
        suite: Suite,
        place: Place,
        made: &mut Vec<VersionUid>,
    ) -> Result<(Self, CustodianKeys), Error> {
        let mut generate = |part| generate(backend.as_ref(), &place, identity, part, suite.algorithm(part), made);
        let ((signing, signing_spki), (sealing, sealing_spki)) = (generate(Part::Signing)?, generate(Part::Sealing)?);
        let custodian = Custodian {
            name: identity.name.clone(),
            full_name: identity.full_name.clone(),
            organisation: identity.organisation.clone(),
            roles: identity.roles.clone(),
            signing: VerifyingKey::from_spki(&signing_spki)?,
            sealing: SealingKey::from_spki(&sealing_spki)?,
        };
        let file = Self { custodian: custodian.checked()?, place, signing, sealing };
        let keys = file.keys(Arc::clone(backend))?;
        Ok((file, keys))
    }

    /// The keys in a backend that has them.
    pub(crate) fn keys(&self, backend: Arc<dyn KeyBackend>) -> Result<CustodianKeys, Error> {
        let Custodian { signing, sealing, .. } = &self.custodian;
        let handle = |part, stored: &StoredKey, algorithm, spki: &[u8]| KeyHandle {
            uid: stored.uid,
            algorithm,
            scheme: Part::scheme(part, algorithm),
            locator: stored.locator.clone(),
            binding: self.place.binding(&self.identity(), part, stored.uid),
            public_key: Some(Arc::from(spki)),
            distinguishing_id: None,
        };
        let signing = handle(Part::Signing, &self.signing, of_signing(signing.algorithm()), signing.spki());
        let sealing = handle(Part::Sealing, &self.sealing, of_sealing(sealing.algorithm()), sealing.spki());
        CustodianKeys::proven(backend, &self.custodian, signing, sealing)
    }

    fn identity(&self) -> Identity {
        let Custodian { name, full_name, organisation, roles, .. } = self.custodian.clone();
        Identity { name, full_name, organisation, roles }
    }
}

impl Place {
    /// Where that is, in words.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::File { .. } => "in the file, under a passphrase",
            Self::Token { .. } => "on a token",
            Self::Tpm { .. } => "in a TPM",
        }
    }

    fn holds(&self, key: &StoredKey, public: [u8; 32]) -> bool {
        match (self, &key.locator) {
            (Self::File { salt, .. }, Locator::Wrapped { wrapping_key, .. }) => wrapping_key.0 == *salt,
            (Self::Token { serial, .. }, Locator::Token { serial: found, uid, fingerprint }) => {
                serial == found && *uid == key.uid && *fingerprint == Some(public)
            }
            // Its public half is in what is sealed: the TPM is held to it when the key is loaded.
            (Self::Tpm { device, .. }, Locator::Sealed { device: found, .. }) => device == found,
            _ => false,
        }
    }

    /// The key under which software material is wrapped: it is known by its salt.
    fn wrapping_key(&self) -> Option<WrappingKeyId> {
        match self {
            Self::File { salt, .. } => Some(WrappingKeyId(*salt)),
            Self::Token { .. } | Self::Tpm { .. } => None,
        }
    }

    /// What wrapped material is tied to: whose it is and what for, so that nothing in the file can be swapped or renamed.
    fn binding(&self, identity: &Identity, part: Part, uid: VersionUid) -> Arc<[u8]> {
        let Self::File { cost, .. } = self else { return Arc::from([]) };
        let Identity { name, full_name, organisation, roles } = identity;
        let part = part as u8;
        encode(BINDING_DOMAIN, VERSION, &(name, full_name, organisation, roles, part, cost, uid)).into()
    }
}

/// A new key, and its SubjectPublicKeyInfo.
fn generate(
    backend: &dyn KeyBackend,
    place: &Place,
    identity: &Identity,
    part: Part,
    algorithm: Algorithm,
    made: &mut Vec<VersionUid>,
) -> Result<(StoredKey, Vec<u8>), Error> {
    let (purpose, scheme) = (part.purpose(), part.scheme(algorithm));
    backend.capabilities().check(algorithm, purpose, scheme).map_err(BackendError::Unsupported)?;
    let uid = random(16)?.expose().try_into().map_err(|_| Error::System("randomness"))?;
    let template = Template {
        uid: VersionUid(uid),
        algorithm,
        purpose,
        scheme,
        binding: place.binding(identity, part, VersionUid(uid)),
        wrapping_key: place.wrapping_key(),
        exit: Exit::Never,
    };
    made.push(template.uid);
    let Outcome::Generated(generated) = perform(backend, Operation::Generate(&template))? else {
        return Err(BackendError::Failed("the backend answered something else".to_owned()).into());
    };
    let Generated { locator, public_key, .. } = *generated;
    let public_key = public_key.ok_or_else(|| BackendError::Failed("the backend shows no public key".to_owned()))?;
    Ok((StoredKey { uid: template.uid, locator }, public_key))
}
