//! What clients ask, and what they are answered.

use std::sync::Arc;

use hufu_core::algorithm::Algorithm;
use hufu_core::name::{KeyId, KeyName, VersionName};
use hufu_core::policy::Action;
use hufu_core::record::Protection;
use hufu_core::{BoxFuture, Error};
use hufu_engine::api::{
    AuditFilter, Caller, Change, CreateKey, Idempotency, Input, PageRequest, Selector, SignatureFormat, UpdateKey,
    Version, VersionChange,
};
use hufu_secret::SecretBytes;
use sha2::{Digest, Sha256};

use crate::common::server::Server;
use crate::common::world::Member;

/// A key that clients know of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyPlan {
    pub(crate) id: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) protection: Protection,
}

/// The keys of each tenant.
pub(crate) const KEYS: [KeyPlan; 4] = [
    KeyPlan { id: "sign-token", algorithm: Algorithm::Ed25519, protection: Protection::Hsm },
    KeyPlan { id: "sign-software", algorithm: Algorithm::Ed25519, protection: Protection::Software },
    KeyPlan { id: "seal", algorithm: Algorithm::Aes256Gcm, protection: Protection::Hsm },
    KeyPlan { id: "mac", algorithm: Algorithm::HmacSha256, protection: Protection::Software },
];

impl KeyPlan {
    pub(crate) fn name(&self, member: Member) -> KeyName {
        KeyName { tenant: member.tenant(), key: KeyId::parse(self.id).unwrap() }
    }
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    Create {
        plan: KeyPlan,
        activate: bool,
    },
    Rotate {
        key: KeyName,
        etag: Option<u64>,
    },
    Update {
        key: KeyName,
        description: String,
    },
    Change {
        version: VersionName,
        etag: Option<u64>,
        change: Change,
    },
    Sign {
        selector: Selector,
        message: Vec<u8>,
    },
    Verify {
        selector: Selector,
        message: Vec<u8>,
        signature: Vec<u8>,
    },
    Mac {
        selector: Selector,
        data: Vec<u8>,
    },
    VerifyMac {
        selector: Selector,
        data: Vec<u8>,
        mac: Vec<u8>,
    },
    Encrypt {
        selector: Selector,
        plaintext: Vec<u8>,
    },
    Decrypt {
        key: KeyName,
        ciphertext: Vec<u8>,
    },
    /// A new wrapping key for the tenant.
    RotateTenant,
    ListAudit,
    ListKeys,
}

/// A request of one client.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Tells it from every other: its audit records carry it.
    pub(crate) number: u64,
    pub(crate) member: Member,
    pub(crate) request: Request,
    pub(crate) request_id: Option<[u8; 16]>,
}

/// What makes a call the repetition of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Repetition {
    member: &'static str,
    method: &'static str,
    request_id: [u8; 16],
}

/// What it is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A change was made, now or by an earlier request of the same id.
    Changed,
    /// Signature, MAC or ciphertext.
    Output {
        version: Version,
        bytes: Vec<u8>,
    },
    Plaintext {
        version: Version,
        bytes: Vec<u8>,
    },
    Verified {
        version: Version,
        valid: bool,
    },
    Read,
}

impl Request {
    /// The recorded action of a request that uses or changes a key.
    pub(crate) fn action(&self) -> Option<Action> {
        Some(match self {
            Self::Create { .. } => Action::CreateKey,
            Self::Rotate { .. } => Action::RotateKey,
            Self::Update { .. } => Action::UpdateKey,
            Self::Change { change, .. } => match change {
                Change::Activate => Action::ActivateVersion,
                Change::Suspend => Action::SuspendVersion,
                Change::Resume => Action::ResumeVersion,
                Change::Revoke { .. } => Action::RevokeVersion,
                Change::ScheduleDestroy { .. } => Action::ScheduleDestroy,
                Change::CancelDestroy => Action::CancelDestroy,
            },
            Self::Sign { .. } => Action::Sign,
            Self::Verify { .. } => Action::Verify,
            Self::Mac { .. } => Action::Mac,
            Self::VerifyMac { .. } => Action::VerifyMac,
            Self::Encrypt { .. } => Action::Encrypt,
            Self::Decrypt { .. } => Action::Decrypt,
            Self::RotateTenant => Action::RotateTenantKey,
            Self::ListAudit | Self::ListKeys => return None,
        })
    }

    pub(crate) fn is_change(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Rotate { .. }
                | Self::Update { .. }
                | Self::Change { .. }
                | Self::RotateTenant
        )
    }
}

impl Call {
    /// What it shares with its repetitions.
    pub(crate) fn repetition(&self) -> Option<Repetition> {
        let (member, method) = (self.member.id, self.request.action()?.name());
        Some(Repetition { member, method, request_id: self.request_id? })
    }

    fn idempotency(&self) -> Option<Idempotency> {
        let body = Sha256::digest(format!("{:?}", self.request)).into();
        Some(Idempotency { request_id: self.request_id?, method: self.request.action()?.name(), body })
    }

    /// Under which name its records stand in the audit trail.
    pub(crate) fn label(&self) -> String {
        format!("tenants/{}/principals/{}/calls/{}", self.member.tenant, self.member.id, self.number)
    }

    /// Performs it on a server.
    pub(crate) fn perform(self, server: Arc<Server>) -> BoxFuture<'static, Result<Answer, Error>> {
        Box::pin(async move {
            let mut caller = self.member.call(&server).await?;
            caller.principal.label = self.label().into();
            caller.idempotency = self.idempotency();
            let tenant = self.member.tenant();
            match self.request {
                Request::Create { plan, activate } => {
                    let request = create(self.member, plan, activate);
                    server.engine.create_key(&caller, request).await.map(|_| Answer::Changed)
                }
                Request::Rotate { key, etag } => {
                    server.engine.rotate_key(&caller, &key, etag).await.map(|_| Answer::Changed)
                }
                Request::Update { key: name, description } => {
                    let (labels, description) = (None, Some(description));
                    let request = UpdateKey { name, etag: None, labels, description, rotation_period_ms: None };
                    server.engine.update_key(&caller, request).await.map(|_| Answer::Changed)
                }
                Request::Change { version: name, etag, change } => {
                    let request = VersionChange { name, etag, change };
                    server.engine.change_version(&caller, request).await.map(|_| Answer::Changed)
                }
                Request::RotateTenant => {
                    server.engine.rotate_tenant_key(&caller, &tenant).await.map(|_| Answer::Changed)
                }
                Request::ListAudit => {
                    let filter = audit_of(&tenant);
                    server.engine.list_audit(&caller, &filter, PageRequest::default()).await.map(|_| Answer::Read)
                }
                Request::ListKeys => {
                    server.engine.list_keys(&caller, &tenant, PageRequest::default()).await.map(|_| Answer::Read)
                }
                using => use_key(&server, &caller, using).await,
            }
        })
    }
}

async fn use_key(server: &Server, caller: &Caller, request: Request) -> Result<Answer, Error> {
    let engine = &server.engine;
    let raw = SignatureFormat::Raw;
    match request {
        Request::Sign { selector, message } => {
            let signed = engine.sign(caller, &selector, Input::Message(message), raw).await?;
            Ok(Answer::Output { version: signed.version, bytes: signed.signature })
        }
        Request::Verify { selector, message, signature } => {
            let verified = engine.verify(caller, &selector, Input::Message(message), &signature, raw).await?;
            Ok(Answer::Verified { version: verified.version, valid: verified.valid })
        }
        Request::Mac { selector, data } => {
            let signed = engine.mac(caller, &selector, &data).await?;
            Ok(Answer::Output { version: signed.version, bytes: signed.signature })
        }
        Request::VerifyMac { selector, data, mac } => {
            let verified = engine.verify_mac(caller, &selector, &data, &mac).await?;
            Ok(Answer::Verified { version: verified.version, valid: verified.valid })
        }
        Request::Encrypt { selector, plaintext } => {
            let plaintext = SecretBytes::from_slice(&plaintext);
            let encrypted = engine.encrypt(caller, &selector, plaintext, b"aad").await?;
            Ok(Answer::Output { version: encrypted.version, bytes: encrypted.ciphertext })
        }
        Request::Decrypt { key, ciphertext } => {
            let decrypted = engine.decrypt(caller, &Selector { key, number: None }, &ciphertext, b"aad").await?;
            Ok(Answer::Plaintext { version: decrypted.version, bytes: decrypted.plaintext.expose().to_vec() })
        }
        other => panic!("{other:?} uses no key"),
    }
}

fn create(member: Member, plan: KeyPlan, activate: bool) -> CreateKey {
    CreateKey {
        tenant: member.tenant(),
        key: KeyId::parse(plan.id).unwrap(),
        algorithm: plan.algorithm,
        purpose: None,
        scheme: None,
        protection: plan.protection,
        digest_allowed: false,
        labels: Default::default(),
        exit: hufu_core::record::Exit::Never,
        description: String::new(),
        activate,
        distinguishing_id: None,
        rotation_period_ms: None,
        sharing: None,
        mandate: None,
    }
}

pub(crate) fn audit_of(tenant: &hufu_core::name::TenantId) -> AuditFilter {
    AuditFilter {
        tenant: tenant.clone(),
        key: None,
        principal: None,
        action: None,
        outcome: None,
        from_ms: None,
        until_ms: None,
    }
}
