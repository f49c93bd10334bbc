//! A valid request for every RPC, which the rows spoil in one place each.

use hufu_sdk::v1;
use hufu_softhsm_tests::Body;
use prost::Message;
use prost_types::{Duration, FieldMask, Timestamp};

/// What a name of a request names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Tenant,
    Key,
    Version,
    /// A key, or a version of it.
    Either,
    /// An import job.
    Job,
}

/// A valid request.
pub(crate) struct Base {
    pub(crate) body: Vec<u8>,
    /// Where its name is: field numbers from the outside.
    pub(crate) name_at: &'static [u32],
    pub(crate) kind: Option<Kind>,
    pub(crate) name: String,
}

impl Base {
    /// The request with another value at a place: the last one counts.
    pub(crate) fn with_bytes(&self, at: &[u32], value: &[u8]) -> Vec<u8> {
        self.with(at, |body, field| body.bytes(field, value))
    }

    /// As [`Self::with_bytes`], with a number.
    pub(crate) fn with_number(&self, at: &[u32], value: i64) -> Vec<u8> {
        self.with(at, |body, field| body.number(field, value))
    }

    fn with(&self, at: &[u32], append: impl FnOnce(Body, u32) -> Body) -> Vec<u8> {
        let (last, outer) = at.split_last().unwrap();
        let mut inner = append(Body::default(), *last).finish();
        for field in outer.iter().rev() {
            inner = Body::default().bytes(*field, &inner).finish();
        }
        [self.body.as_slice(), &inner].concat()
    }

    /// A good request with the same id that asks for something else.
    pub(crate) fn differently(&self) -> Vec<u8> {
        match self.kind {
            Some(Kind::Tenant) => self.with_bytes(&[2], b"different"),
            Some(Kind::Job) => self.with_bytes(self.name_at, b"tenants/dev/importJobs/other"),
            Some(Kind::Key) => self.with_bytes(self.name_at, b"tenants/dev/keys/spare"),
            _ => self.with_bytes(self.name_at, b"tenants/dev/keys/spare/versions/1"),
        }
    }
}

const TENANT: &str = "tenants/dev";

fn key(id: &str) -> String {
    format!("{TENANT}/keys/{id}")
}

fn version(id: &str) -> String {
    format!("{TENANT}/keys/{id}/versions/1")
}

/// A UUID that belongs to this method.
pub(crate) fn request_id(method: &str) -> String {
    let sum: u64 = method.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("0190b6a0-7c3e-7000-8000-{:012x}", sum & 0xffff_ffff_ffff)
}

fn named(name: String, kind: Kind, message: &impl Message) -> Base {
    Base { body: message.encode_to_vec(), name_at: &[1], kind: Some(kind), name }
}

fn unnamed(message: &impl Message) -> Base {
    Base { body: message.encode_to_vec(), name_at: &[], kind: None, name: String::new() }
}

/// A valid request for a method.
pub(crate) fn base(method: &str) -> Base {
    let found = keys(method)
        .or_else(|| transfer(method))
        .or_else(|| life(method))
        .or_else(|| crypto(method))
        .or_else(|| service(method));
    found.unwrap_or_else(|| panic!("`{method}` has no valid request to start from"))
}

fn keys(method: &str) -> Option<Base> {
    let (parent, request_id) = (TENANT.to_owned(), request_id(method));
    let name = key("signer");
    Some(match method {
        "CreateKey" => named(parent.clone(), Kind::Tenant, &create(parent, "created", request_id)),
        "GetKey" => named(name.clone(), Kind::Key, &v1::GetKeyRequest { name }),
        "ListKeys" => named(parent.clone(), Kind::Tenant, &v1::ListKeysRequest { parent, ..Default::default() }),
        "UpdateKey" => {
            let name = key("updated");
            let changed = v1::Key { name: name.clone(), description: "new".into(), ..Default::default() };
            let update_mask = Some(FieldMask { paths: vec!["description".into()] });
            let request = v1::UpdateKeyRequest { key: Some(changed), update_mask, request_id };
            Base { name_at: &[1, 1], ..named(name, Kind::Key, &request) }
        }
        "RotateKey" => {
            let name = key("rotated");
            named(
                name.clone(),
                Kind::Key,
                &v1::RotateKeyRequest { name, etag: String::new(), request_id, mandate: Vec::new() },
            )
        }
        "ListKeyVersions" => {
            named(name.clone(), Kind::Key, &v1::ListKeyVersionsRequest { parent: name, ..Default::default() })
        }
        "GetKeyVersion" => {
            let name = version("signer");
            named(name.clone(), Kind::Version, &v1::GetKeyVersionRequest { name })
        }
        "GetPublicKey" => named(name.clone(), Kind::Either, &v1::GetPublicKeyRequest { name }),
        _ => return None,
    })
}

/// A receiving key of RSA with 3072 bits.
pub(crate) const RECIPIENT: &[u8] = include_bytes!("../../../conformance/data/rsa3072.pub.der");

fn transfer(method: &str) -> Option<Base> {
    let (parent, request_id) = (TENANT.to_owned(), request_id(method));
    let job = format!("{TENANT}/importJobs/open");
    Some(match method {
        "CreateImportJob" => named(parent.clone(), Kind::Tenant, &import_job(parent, "created-job", request_id)),
        "GetImportJob" => named(job.clone(), Kind::Job, &v1::GetImportJobRequest { name: job }),
        // Not good by itself: what is good is wrapped for a key that the server has just made.
        "ImportKey" => {
            let request = v1::ImportKeyRequest { name: job.clone(), wrapped: vec![1; 424], request_id };
            named(job, Kind::Job, &request)
        }
        "WrapKey" => {
            let (name, wrapping_key) = (key("leaver"), key("wrapper"));
            named(name.clone(), Kind::Either, &v1::WrapKeyRequest { name, wrapping_key })
        }
        // As with ImportKey.
        "UnwrapKey" => {
            let request = v1::UnwrapKeyRequest {
                parent: parent.clone(),
                key_id: "unwrapped".into(),
                wrapping_key: key("wrapper"),
                blob: vec![1; 200],
                request_id,
                ..Default::default()
            };
            named(parent, Kind::Tenant, &request)
        }
        "ExportKey" => {
            let name = key("leaver");
            named(name.clone(), Kind::Either, &v1::ExportKeyRequest { name, recipient: RECIPIENT.to_vec() })
        }
        _ => return None,
    })
}

/// A request for an import job of a software key.
pub(crate) fn import_job(parent: String, job_id: &str, request_id: String) -> v1::CreateImportJobRequest {
    let key = v1::Key {
        algorithm: v1::Algorithm::HmacSha256.into(),
        protection: v1::Protection::Software.into(),
        ..Default::default()
    };
    let (job_id, key_id) = (job_id.into(), "imported".into());
    v1::CreateImportJobRequest { parent, job_id, key_id, key: Some(key), request_id, ..Default::default() }
}

/// A request for a new software key.
pub(crate) fn create(parent: String, key_id: &str, request_id: String) -> v1::CreateKeyRequest {
    let key = v1::Key {
        algorithm: v1::Algorithm::P256.into(),
        protection: v1::Protection::Software.into(),
        ..Default::default()
    };
    v1::CreateKeyRequest {
        parent,
        key_id: key_id.into(),
        key: Some(key),
        pre_active: true,
        request_id,
        mandate: Vec::new(),
    }
}

fn life(method: &str) -> Option<Base> {
    let (etag, request_id) = (String::new(), request_id(method));
    let name = |id: &str| version(id);
    Some(match method {
        "ActivateKeyVersion" => {
            let name = name("pre-active");
            named(name.clone(), Kind::Version, &v1::ActivateKeyVersionRequest { name, etag, request_id })
        }
        "SuspendKeyVersion" => {
            let name = name("active");
            named(name.clone(), Kind::Version, &v1::SuspendKeyVersionRequest { name, etag, request_id })
        }
        "ResumeKeyVersion" => {
            let name = name("suspended");
            named(name.clone(), Kind::Version, &v1::ResumeKeyVersionRequest { name, etag, request_id })
        }
        "RevokeKeyVersion" => {
            let name = name("revoked");
            let reason = v1::RevocationReason::KeyCompromise.into();
            let compromise_time = Some(Timestamp { seconds: 1_700_000_000, nanos: 0 });
            let request =
                v1::RevokeKeyVersionRequest { name: name.clone(), reason, compromise_time, etag, request_id };
            named(name, Kind::Version, &request)
        }
        "ScheduleDestroyKeyVersion" => {
            let name = name("destroyed");
            let delay = Some(Duration { seconds: 86_400, nanos: 0 });
            let request = v1::ScheduleDestroyKeyVersionRequest { name: name.clone(), delay, etag, request_id };
            named(name, Kind::Version, &request)
        }
        "CancelDestroyKeyVersion" => {
            let name = name("scheduled");
            named(name.clone(), Kind::Version, &v1::CancelDestroyKeyVersionRequest { name, etag, request_id })
        }
        _ => return None,
    })
}

fn crypto(method: &str) -> Option<Base> {
    use v1::{sign_item, sign_request, verify_request};
    let message = b"message".to_vec();
    let (signer, cipher, coder, sharer) = (key("signer"), key("cipher"), key("coder"), key("sharer"));
    let either = Kind::Either;
    Some(match method {
        "Sign" => {
            let data = Some(sign_request::Data::Message(message));
            named(signer.clone(), either, &v1::SignRequest { name: signer, data, ..Default::default() })
        }
        "SignBatch" => {
            let items = vec![v1::SignItem { data: Some(sign_item::Data::Message(message)) }];
            named(signer.clone(), either, &v1::SignBatchRequest { name: signer, items, format: 0 })
        }
        "Verify" => {
            let data = Some(verify_request::Data::Message(message));
            let request = v1::VerifyRequest { name: signer.clone(), data, signature: vec![0x30; 70], format: 0 };
            named(signer, either, &request)
        }
        "Encrypt" => {
            let request = v1::EncryptRequest { name: cipher.clone(), plaintext: message, ..Default::default() };
            named(cipher, either, &request)
        }
        // The one request that is not good by itself: a good ciphertext is random.
        "Decrypt" => {
            let request = v1::DecryptRequest { name: cipher.clone(), ciphertext: message, ..Default::default() };
            named(cipher, either, &request)
        }
        "GenerateDataKey" => {
            named(cipher.clone(), either, &v1::GenerateDataKeyRequest { name: cipher, ..Default::default() })
        }
        "Mac" => named(coder.clone(), either, &v1::MacRequest { name: coder, data: message }),
        "VerifyMac" => {
            named(coder.clone(), either, &v1::VerifyMacRequest { name: coder, data: message, mac: vec![0; 32] })
        }
        "Encapsulate" => named(sharer.clone(), either, &v1::EncapsulateRequest { name: sharer }),
        // Every ciphertext of the right length gives a secret.
        "Decapsulate" => {
            let ciphertext = vec![0; 1_088];
            named(sharer.clone(), either, &v1::DecapsulateRequest { name: sharer, ciphertext })
        }
        "DeriveSharedSecret" => {
            let meeter = key("meeter");
            named(meeter.clone(), either, &derivation(meeter, x25519(9)))
        }
        "GenerateRandom" => {
            let request = v1::GenerateRandomRequest { parent: TENANT.into(), length_bytes: 16, ..Default::default() };
            named(TENANT.into(), Kind::Tenant, &request)
        }
        _ => return None,
    })
}

/// A request for a derived key.
pub(crate) fn derivation(name: String, peer_public_key: Vec<u8>) -> v1::DeriveSharedSecretRequest {
    let kdf = v1::Kdf::HkdfSha256.into();
    v1::DeriveSharedSecretRequest { name, peer_public_key, kdf, length_bytes: 32, ..Default::default() }
}

/// SubjectPublicKeyInfo of X25519 (RFC 8410 §4) with a small u-coordinate; 9 is the base point.
pub(crate) fn x25519(u: u8) -> Vec<u8> {
    const HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];
    [HEAD.as_slice(), &[u], &[0; 31]].concat()
}

fn service(method: &str) -> Option<Base> {
    let parent = TENANT.to_owned();
    Some(match method {
        "GetCheckpoint" => unnamed(&v1::GetCheckpointRequest {}),
        "GetLogKey" => unnamed(&v1::GetLogKeyRequest {}),
        "ProveKeyVersion" => {
            let name = key("signer");
            named(name.clone(), Kind::Either, &v1::ProveKeyVersionRequest { name })
        }
        "ProveConsistency" => unnamed(&v1::ProveConsistencyRequest { from_size: 1 }),
        "ListAuditRecords" => {
            let request = v1::ListAuditRecordsRequest { parent: parent.clone(), page_size: 1, ..Default::default() };
            named(parent, Kind::Tenant, &request)
        }
        "ExportAuditSegments" => {
            let request = v1::ExportAuditSegmentsRequest { parent: parent.clone(), ..Default::default() };
            named(parent, Kind::Tenant, &request)
        }
        "VerifyAudit" => named(parent.clone(), Kind::Tenant, &v1::VerifyAuditRequest { parent }),
        "GetStatus" => unnamed(&v1::GetStatusRequest {}),
        "GetSealStatus" => unnamed(&v1::GetSealStatusRequest {}),
        "ListRootTranscripts" => unnamed(&v1::ListRootTranscriptsRequest { page_size: 1, ..Default::default() }),
        "GetRootTranscript" => unnamed(&v1::GetRootTranscriptRequest { name: "rootTranscripts/0".to_owned() }),
        "ConfirmRootShare" => unnamed(&v1::ConfirmRootShareRequest { confirmation: confirmation() }),
        "SubmitShare" => unnamed(&v1::SubmitShareRequest { handover: b"a handover".to_vec() }),
        "RotateTenantKey" => {
            let request = v1::RotateTenantKeyRequest { name: parent.clone(), request_id: request_id(method) };
            named(parent, Kind::Tenant, &request)
        }
        "GetTenantKey" => named(parent.clone(), Kind::Tenant, &v1::GetTenantKeyRequest { name: parent }),
        _ => return None,
    })
}

/// Well formed, by nobody.
fn confirmation() -> Vec<u8> {
    let signer = "alice".parse().unwrap();
    hufu_custodian::Signed { signer, statement: b"a statement".to_vec(), signature: vec![0; 64] }.to_bytes()
}
