//! Requests in short.

use hufu_core::Error;
use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::name::{KeyId, KeyName, VersionName, VersionNumber};
use hufu_core::record::{KeyState, Protection};
use hufu_core::revocation::RevocationReason;
use hufu_engine::api::{
    Caller, Change, CreateKey, Encrypted, Input, KeyDetail, Selector, SignatureFormat, Signed, VersionChange,
    VersionDetail,
};
use hufu_secret::SecretBytes;

use crate::common::server::Server;
use crate::common::world::{ALICE, Member, World};

/// A revocation that is no compromise.
pub(crate) const REVOKE: Change = Change::Revoke { reason: RevocationReason::Superseded, compromised_at: None };
/// A compromise.
pub(crate) const COMPROMISE: Change =
    Change::Revoke { reason: RevocationReason::KeyCompromise, compromised_at: None };

pub(crate) fn key(member: Member, id: &str) -> KeyName {
    KeyName { tenant: member.tenant(), key: KeyId::parse(id).unwrap() }
}

pub(crate) fn version(id: &str, number: u32) -> VersionName {
    key(ALICE, id).version(VersionNumber::new(number).unwrap())
}

pub(crate) fn primary(id: &str) -> Selector {
    Selector { key: key(ALICE, id), number: None }
}

pub(crate) fn numbered(id: &str, number: u32) -> Selector {
    Selector { key: key(ALICE, id), number: Some(VersionNumber::new(number).unwrap()) }
}

/// A new key of the token, active at once.
pub(crate) fn create(member: Member, id: &str, algorithm: Algorithm) -> CreateKey {
    CreateKey {
        tenant: member.tenant(),
        key: KeyId::parse(id).unwrap(),
        algorithm,
        purpose: None,
        scheme: None,
        protection: Protection::Hsm,
        digest_allowed: false,
        labels: Default::default(),
        exit: hufu_core::record::Exit::Never,
        description: String::new(),
        activate: true,
        distinguishing_id: None,
        rotation_period_ms: None,
        sharing: None,
        mandate: None,
    }
}

pub(crate) async fn sign_with(server: &Server, caller: &Caller, selector: &Selector) -> Result<Signed, Error> {
    server.engine.sign(caller, selector, Input::Message(b"message".to_vec()), SignatureFormat::Raw).await
}

impl World {
    /// A new key of Alice's that signs.
    pub(crate) fn signing_key(&mut self, id: &str) -> KeyDetail {
        let request = create(ALICE, id, Algorithm::Ed25519);
        self.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap()
    }

    pub(crate) fn rotate(&mut self, id: &str, etag: Option<u64>) -> Result<KeyDetail, Error> {
        let name = key(ALICE, id);
        self.call(ALICE, async |server, caller| server.engine.rotate_key(&caller, &name, etag).await)
    }

    pub(crate) fn change(&mut self, name: VersionName, change: Change) -> Result<VersionDetail, Error> {
        self.change_if(name, change, None)
    }

    pub(crate) fn change_if(
        &mut self,
        name: VersionName,
        change: Change,
        etag: Option<u64>,
    ) -> Result<VersionDetail, Error> {
        let request = VersionChange { name, etag, change };
        self.call(ALICE, async |server, caller| server.engine.change_version(&caller, request).await)
    }

    pub(crate) fn version(&mut self, name: &VersionName) -> Result<VersionDetail, Error> {
        self.call(ALICE, async |server, caller| server.engine.version(&caller, name).await)
    }

    pub(crate) fn state(&mut self, name: &VersionName) -> KeyState {
        self.version(name).unwrap().version.record.state
    }

    pub(crate) fn sign(&mut self, selector: &Selector) -> Result<Signed, Error> {
        self.call(ALICE, async |server, caller| sign_with(server, &caller, selector).await)
    }

    pub(crate) fn encrypt(&mut self, id: &str) -> Result<Encrypted, Error> {
        let plaintext = SecretBytes::from_slice(b"plaintext");
        self.call(ALICE, async |server, caller| server.engine.encrypt(&caller, &primary(id), plaintext, b"aad").await)
    }
}

/// The documented reason of a refusal.
pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, Error>) -> Reason {
    result.unwrap_err().reason()
}
