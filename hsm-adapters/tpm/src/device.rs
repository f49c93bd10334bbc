//! An open TPM: the storage root key, one salted session, one loaded key.

use hufu_core::record::VersionUid;
use hufu_secret::SecretBytes;
use sha2::{Digest as _, Sha256};
use tss_esapi::attributes::SessionAttributesBuilder;
use tss_esapi::constants::tss::{TPM2_RH_NULL, TPM2_ST_HASHCHECK};
use tss_esapi::constants::{PropertyTag, SessionType};
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    Attest, Auth, Data, Digest, EccPoint, HashcheckTicket, Private, Public, Signature, SignatureScheme,
    SymmetricDefinition,
};
use tss_esapi::traits::Marshall as _;
use tss_esapi::tss2_esys::TPMT_TK_HASHCHECK;
use tss_esapi::{Context, Error, TctiNameConf};

use crate::fault::Fault;
use crate::template::{self, Role};

/// Most random bytes that a TPM gives at once: the length of its longest hash, of which every TPM has SHA-256.
const RANDOM_LEN_MAX: usize = 32;

/// An open TPM, used by one thread.
pub(crate) struct Device {
    context: Context,
    storage: KeyHandle,
    /// Which TPM it is: 16 bytes of the hash of the storage root key's public area, in hexadecimal. It changes when the
    /// TPM's owner is changed, which is when every key on it is lost.
    pub(crate) id: String,
    /// Manufacturer and model as the TPM states them.
    pub(crate) model: String,
    session: Option<AuthSession>,
    loaded: Option<Loaded>,
}

/// The key that is loaded.
struct Loaded {
    uid: VersionUid,
    public: Public,
    handle: KeyHandle,
}

/// A key as the TPM gives it out.
pub(crate) struct Made {
    pub(crate) private: Private,
    pub(crate) public: Public,
}

impl Device {
    /// Connects, finds the storage root key again (it follows from the TPM's seed), and begins a session salted with it.
    pub(crate) fn open(tcti: &TctiNameConf) -> Result<Self, Fault> {
        let mut context = Context::new(tcti.clone())?;
        let model = model(&mut context)?;
        let storage = template::public(Role::Storage)?;
        let made = context.execute_with_nullauth_session(|context| {
            context.create_primary(Hierarchy::Owner, storage, None, None, None, None)
        })?;
        let id = identity(&made.out_public)?;
        let session = begin_session(&mut context, made.key_handle)?;
        Ok(Self { context, storage: made.key_handle, id, model, session, loaded: None })
    }

    /// Makes a key under the storage root key.
    pub(crate) fn make(&mut self, role: Role, auth: &SecretBytes) -> Result<Made, Fault> {
        let (parent, public, auth) = (self.storage, template::public(role)?, to_auth(auth)?);
        let made = self.in_session(|context| context.create(parent, public, Some(auth), None, None, None))?;
        Ok(Made { private: made.out_private, public: made.out_public })
    }

    /// Loads a key, unless it is the one that is loaded, and unloads another.
    pub(crate) fn load(&mut self, uid: VersionUid, key: Made, auth: &SecretBytes) -> Result<KeyHandle, Fault> {
        if let Some(loaded) = self.loaded.as_ref().filter(|loaded| loaded.uid == uid && loaded.public == key.public) {
            return Ok(loaded.handle);
        }
        self.unload();
        let (parent, private, public) = (self.storage, key.private, key.public.clone());
        let handle = self.in_session(|context| context.load(parent, private, public))?;
        self.loaded = Some(Loaded { uid, public: key.public, handle });
        self.context.tr_set_auth(handle.into(), to_auth(auth)?)?;
        Ok(handle)
    }

    /// Unloads a key.
    pub(crate) fn forget(&mut self, uid: VersionUid) {
        if self.loaded.as_ref().is_some_and(|loaded| loaded.uid == uid) {
            self.unload();
        }
    }

    /// Signs 32 bytes.
    pub(crate) fn sign(&mut self, key: KeyHandle, digest: &[u8; 32]) -> Result<Signature, Fault> {
        let digest = Digest::try_from(digest.as_slice())?;
        let ticket = no_ticket()?;
        Ok(self.in_session(|context| context.sign(key, digest, SignatureScheme::Null, ticket))?)
    }

    /// Multiplies a point by the private key (TPM2_ECDH_ZGen; TPM 2.0 Library, part 3, §14.5): Z is the first coordinate of the
    /// answer, which the session encrypts on its way. The TCG's stack frees its own copy without overwriting it.
    pub(crate) fn agree(&mut self, key: KeyHandle, peer: EccPoint) -> Result<EccPoint, Fault> {
        Ok(self.in_session(|context| context.ecdh_z_gen(key, peer))?)
    }

    /// Lets the TPM state what it knows of a loaded key, signed by a key that signs only such statements.
    pub(crate) fn certify(&mut self, key: KeyHandle, nonce: &[u8]) -> Result<(Attest, Signature, Public), Fault> {
        let certifying = template::public(Role::Certifying)?;
        let made = self.context.execute_with_nullauth_session(|context| {
            context.create_primary(Hierarchy::Endorsement, certifying, None, None, None, None)
        })?;
        let (session, nonce) = (self.session, Data::try_from(nonce)?);
        let certified = self.context.execute_with_sessions((session, session_of_password(), None), |context| {
            context.certify(key.into(), made.key_handle, nonce, SignatureScheme::Null)
        });
        self.context.flush_context(made.key_handle.into())?;
        let (attest, signature) = certified?;
        Ok((attest, signature, made.out_public))
    }

    /// Draws random bytes, encrypted on their way.
    pub(crate) fn random(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        let len = buffer.len().min(RANDOM_LEN_MAX);
        let drawn = self.in_session(|context| context.get_random(len))?;
        // A TPM may give fewer than it was asked for, but not none.
        let taken = drawn.value().len().min(buffer.len());
        if taken == 0 && len > 0 {
            let why = "the TPM gives no random bytes".to_owned();
            return Err(hufu_core::backend::BackendError::Failed(why).into());
        }
        let (head, tail) = buffer.split_at_mut(taken);
        head.iter_mut().zip(drawn.value()).for_each(|(byte, drawn)| *byte = *drawn);
        if tail.is_empty() { Ok(()) } else { self.random(tail) }
    }

    fn in_session<T>(&mut self, work: impl FnOnce(&mut Context) -> Result<T, Error>) -> Result<T, Error> {
        self.context.execute_with_session(self.session, work)
    }

    fn unload(&mut self) {
        if let Some(Loaded { handle, .. }) = self.loaded.take() {
            // A TPM that does not know the handle any more has unloaded the key already.
            let _ = self.context.flush_context(handle.into());
        }
    }
}

fn begin_session(context: &mut Context, salt_key: KeyHandle) -> Result<Option<AuthSession>, Error> {
    let cipher = SymmetricDefinition::AES_128_CFB;
    let hash = HashingAlgorithm::Sha256;
    let session = context.start_auth_session(Some(salt_key), None, None, SessionType::Hmac, cipher, hash)?;
    if let Some(session) = session {
        let (attributes, mask) =
            SessionAttributesBuilder::new().with_continue_session(true).with_decrypt(true).with_encrypt(true).build();
        context.tr_sess_set_attributes(session, attributes, mask)?;
    }
    Ok(session)
}

/// Authorizes what has no authorization value.
fn session_of_password() -> Option<AuthSession> {
    Some(AuthSession::Password)
}

fn to_auth(auth: &SecretBytes) -> Result<Auth, Error> {
    Auth::try_from(auth.expose())
}

/// Says that no hash of the TPM's own is signed: the keys are not restricted, so none is needed.
fn no_ticket() -> Result<HashcheckTicket, Error> {
    TPMT_TK_HASHCHECK { tag: TPM2_ST_HASHCHECK, hierarchy: TPM2_RH_NULL, digest: Default::default() }.try_into()
}

fn identity(public: &Public) -> Result<String, Error> {
    let digest = Sha256::digest(public.marshall()?);
    Ok(hex::encode(digest.iter().take(16).copied().collect::<Vec<u8>>()))
}

fn model(context: &mut Context) -> Result<String, Error> {
    let mut text = Vec::new();
    for (property, gap) in [
        (PropertyTag::Manufacturer, true),
        (PropertyTag::VendorString1, false),
        (PropertyTag::VendorString2, false),
        (PropertyTag::VendorString3, false),
        (PropertyTag::VendorString4, false),
    ] {
        text.extend(context.get_tpm_property(property)?.unwrap_or_default().to_be_bytes());
        text.extend(gap.then_some(b' '));
    }
    let printable = text.into_iter().filter(|byte| byte.is_ascii_graphic() || *byte == b' ').map(char::from);
    Ok(printable.collect::<String>().trim().to_owned())
}
