//! Rows that need to know what a method is about.

use std::time::{SystemTime, UNIX_EPOCH};

use hufu_sdk::v1;
use prost::Message;
use prost_types::{Duration, FieldMask, Timestamp};
use v1::{sign_item, sign_request, verify_request};

use super::Row;
use super::base::{RECIPIENT, create, derivation, import_job, request_id, x25519};
use super::scene::Scene;

const INPUT_LEN_MAX: usize = 1 << 20;
const AAD_LEN_MAX: usize = 64 << 10;

fn key(id: &str) -> String {
    format!("tenants/dev/keys/{id}")
}

fn version(id: &str) -> String {
    format!("{}/versions/1", key(id))
}

/// Rows of a method; each is a request of its own.
pub(crate) fn rows(scene: &Scene, method: &str) -> Vec<Row> {
    match method {
        "CreateKey" => [creation(), lattices()].concat(),
        "UpdateKey" => update(),
        "ActivateKeyVersion" => {
            wrong_states(&["active", "suspended", "deactivated", "compromised", "scheduled"], |name| {
                v1::ActivateKeyVersionRequest { name, etag: String::new(), request_id: request_id(method) }
            })
        }
        "SuspendKeyVersion" => wrong_states(&["pre-active", "suspended", "deactivated", "compromised"], |name| {
            v1::SuspendKeyVersionRequest { name, etag: String::new(), request_id: request_id(method) }
        }),
        "ResumeKeyVersion" => wrong_states(&["pre-active", "active", "deactivated", "compromised"], |name| {
            v1::ResumeKeyVersionRequest { name, etag: String::new(), request_id: request_id(method) }
        }),
        "RevokeKeyVersion" => revocation(),
        "ScheduleDestroyKeyVersion" => destruction(),
        "CancelDestroyKeyVersion" => wrong_states(&["pre-active", "active", "deactivated"], |name| {
            v1::CancelDestroyKeyVersionRequest { name, etag: String::new(), request_id: request_id(method) }
        }),
        "GetPublicKey" => {
            vec![row("a symmetric key", &v1::GetPublicKeyRequest { name: key("cipher") }, "WRONG_PURPOSE")]
        }
        "CreateImportJob" => jobs(),
        "ImportKey" | "WrapKey" | "UnwrapKey" | "ExportKey" => transfers(method),
        "Sign" => signing(),
        "SignBatch" => batches(),
        "Verify" => verification(),
        "Encrypt" => encryption(),
        "Decrypt" => decryption(),
        "GenerateDataKey" => data_keys(),
        "Mac" | "VerifyMac" => codes(method),
        "Encapsulate" => encapsulation(),
        "Decapsulate" => decapsulation(),
        "DeriveSharedSecret" => derivations(),
        "GenerateRandom" => randomness(),
        "ProveConsistency" => consistency(scene),
        "GetKey"
        | "GetImportJob"
        | "ListKeys"
        | "RotateKey"
        | "ListKeyVersions"
        | "GetKeyVersion"
        | "GetCheckpoint"
        | "GetLogKey"
        | "ProveKeyVersion"
        | "ListAuditRecords"
        | "ExportAuditSegments"
        | "VerifyAudit"
        | "GetStatus"
        | "GetSealStatus"
        | "ListRootTranscripts"
        | "RotateTenantKey"
        | "GetTenantKey" => Vec::new(),
        "SubmitShare" => {
            let submit = |handover: &[u8]| v1::SubmitShareRequest { handover: handover.to_vec() };
            vec![
                row("no share", &submit(b""), "MISSING_FIELD"),
                row("a share for a server that is open", &submit(b"x"), "NOT_SEALED"),
            ]
        }
        "GetRootTranscript" => root_transcripts(),
        "ConfirmRootShare" => root_confirmations(),
        other => panic!("say what else can be wrong with `{other}`"),
    }
}

/// Transcripts of the root of a server whose root is not split.
fn root_transcripts() -> Vec<Row> {
    let named = |name: &str| v1::GetRootTranscriptRequest { name: name.to_owned() };
    vec![
        row("a transcript of a root that is not split", &named("rootTranscripts/1"), "CEREMONY_NOT_FOUND"),
        row("no number", &named("rootTranscripts/x"), "INVALID_NAME"),
        row("another way to write a number", &named("rootTranscripts/00"), "INVALID_NAME"),
    ]
}

fn root_confirmations() -> Vec<Row> {
    let confirm = |confirmation: &[u8]| v1::ConfirmRootShareRequest { confirmation: confirmation.to_vec() };
    vec![row("no confirmation", &confirm(b""), "MISSING_FIELD"), row("rubbish", &confirm(b"x"), "INVALID_ARGUMENT")]
}

fn row(what: &str, message: &impl Message, reason: &'static str) -> Row {
    Row::new(what, message.encode_to_vec(), reason)
}

fn wrong_states<M: Message>(keys: &[&str], request: impl Fn(String) -> M) -> Vec<Row> {
    keys.iter().map(|id| row(&format!("a version that is {id}"), &request(version(id)), "WRONG_STATE")).collect()
}

/// A creation with one thing wrong.
fn spoiled(what: &str, reason: &'static str, spoil: &dyn Fn(&mut v1::Key)) -> Row {
    // An id of its own, lest a row that is done by mistake hides the next one.
    let mut request = create("tenants/dev".into(), "created", request_id(what));
    spoil(request.key.get_or_insert_default());
    row(what, &request, reason)
}

/// Import jobs with one thing wrong.
fn jobs() -> Vec<Row> {
    let spoiled = |what: &str, reason, spoil: &dyn Fn(&mut v1::CreateImportJobRequest)| {
        let mut request = import_job("tenants/dev".into(), "created-job", request_id(what));
        spoil(&mut request);
        row(what, &request, reason)
    };
    let pair = |r: &mut v1::CreateImportJobRequest| {
        r.key.get_or_insert_default().algorithm = v1::Algorithm::Rsa3072.into();
    };
    let period =
        |seconds, nanos| move |r: &mut v1::CreateImportJobRequest| r.lifetime = Some(Duration { seconds, nanos });
    vec![
        spoiled("no key", "MISSING_FIELD", &|r| r.key = None),
        spoiled("no id of a job", "MISSING_FIELD", &|r| r.job_id.clear()),
        spoiled("a name that is taken", "ALREADY_EXISTS", &|r| r.key_id = "signer".into()),
        spoiled("a job that is there", "ALREADY_EXISTS", &|r| r.job_id = "open".into()),
        spoiled("a pair without its public key", "MISSING_FIELD", &|r| pair(r)),
        spoiled("a secret key with a public key", "INVALID_ARGUMENT", &|r| r.public_key = RECIPIENT.to_vec()),
        spoiled("a public key that is none", "INVALID_ARGUMENT", &|r| {
            pair(r);
            r.public_key = vec![0x30; 100];
        }),
        spoiled("a public key of another algorithm", "INVALID_ARGUMENT", &|r| {
            r.key.get_or_insert_default().algorithm = v1::Algorithm::P256.into();
            r.public_key = RECIPIENT.to_vec();
        }),
        spoiled("a public key that is too long", "TOO_LARGE", &|r| {
            pair(r);
            r.public_key = vec![0x30; 5_000];
        }),
        spoiled("a key that wraps", "UNSUPPORTED_ALGORITHM", &|r| {
            r.key.get_or_insert_default().algorithm = v1::Algorithm::Aes256Kwp.into();
        }),
        spoiled("a short import key", "UNSUPPORTED_BY_BACKEND", &|r| {
            r.import_algorithm = v1::Algorithm::Rsa2048.into();
        }),
        spoiled("a lifetime of a second", "INVALID_ARGUMENT", &period(1, 0)),
        spoiled("a lifetime of a month", "INVALID_ARGUMENT", &period(31 * 86_400, 0)),
        spoiled("a lifetime with a fraction", "INVALID_ARGUMENT", &period(3_600, 1)),
        spoiled("what SoftHSM does not take in", "UNSUPPORTED_BY_BACKEND", &|r| {
            let key = r.key.get_or_insert_default();
            key.algorithm = v1::Algorithm::Ed25519.into();
            key.protection = v1::Protection::Hsm.into();
            r.public_key = ED25519.to_vec();
        }),
    ]
}

const ED25519: &[u8] = include_bytes!("../../../conformance/data/ed25519.pub.der");

fn transfers(method: &str) -> Vec<Row> {
    let (name, request_id) = ("tenants/dev/importJobs/open".to_owned(), request_id("transfers"));
    let import = |wrapped| v1::ImportKeyRequest { name: name.clone(), wrapped, request_id: request_id.clone() };
    let wrap = |id: &str, by: &str| v1::WrapKeyRequest { name: key(id), wrapping_key: by.to_owned() };
    let unwrap = |blob| v1::UnwrapKeyRequest {
        parent: "tenants/dev".into(),
        key_id: "unwrapped".into(),
        wrapping_key: key("wrapper"),
        blob,
        request_id: request_id.clone(),
        ..Default::default()
    };
    let export = |id: &str, recipient: &[u8]| v1::ExportKeyRequest { name: key(id), recipient: recipient.to_vec() };
    let wrapper = key("wrapper");
    match method {
        "ImportKey" => vec![
            row("nothing wrapped", &import(Vec::new()), "MISSING_FIELD"),
            row("too much wrapped", &import(vec![0; (16 << 10) + 1]), "TOO_LARGE"),
        ],
        "WrapKey" => vec![
            row("a key that stays", &wrap("coder", &wrapper), "NOT_EXPORTABLE"),
            row("a key on a token", &wrap("signer", &wrapper), "NOT_EXPORTABLE"),
            row("a wrapping key", &wrap("wrapper", &wrapper), "NOT_EXPORTABLE"),
            row("a pair", &wrap("leaving-pair", &wrapper), "UNSUPPORTED_ALGORITHM"),
            row("by a key that encrypts", &wrap("leaver", &key("cipher")), "WRONG_PURPOSE"),
            row("by nothing", &wrap("leaver", ""), "MISSING_FIELD"),
            row("by a key that is not there", &wrap("leaver", &key("nobody")), "KEY_NOT_FOUND"),
            row("by another tenant's key", &wrap("leaver", "tenants/other/keys/wrapper"), "PERMISSION_DENIED"),
        ],
        "UnwrapKey" => vec![
            row("nothing", &unwrap(Vec::new()), "MISSING_FIELD"),
            row("garbage", &unwrap(vec![0x83; 300]), "KEY_REJECTED"),
            row("too much", &unwrap(vec![0; (16 << 10) + 1]), "TOO_LARGE"),
        ],
        _ => vec![
            row("to nobody", &export("leaver", b""), "MISSING_FIELD"),
            row("to garbage", &export("leaver", &[0x30; 400]), "INVALID_ARGUMENT"),
            row("to a key that receives nothing", &export("leaver", ED25519), "INVALID_ARGUMENT"),
            row("to a key that is too long", &export("leaver", &[0x30; 3_000]), "TOO_LARGE"),
            row("a key that stays", &export("coder", RECIPIENT), "NOT_EXPORTABLE"),
            row("a key on a token", &export("signer", RECIPIENT), "NOT_EXPORTABLE"),
        ],
    }
}

/// What lattices cannot do, and what cannot do what they do.
fn lattices() -> Vec<Row> {
    vec![
        spoiled("digests for ML-DSA", "UNSUPPORTED_ALGORITHM", &|k| {
            k.algorithm = v1::Algorithm::MlDsa65.into();
            k.digest_allowed = true;
        }),
        spoiled("signing with ML-KEM", "UNSUPPORTED_ALGORITHM", &|k| {
            k.algorithm = v1::Algorithm::MlKem768.into();
            k.purpose = v1::Purpose::Sign.into();
        }),
        spoiled("encapsulating with RSA", "UNSUPPORTED_ALGORITHM", &|k| {
            k.algorithm = v1::Algorithm::Rsa2048.into();
            k.purpose = v1::Purpose::Encapsulate.into();
        }),
        spoiled("ML-DSA on a token that lacks it", "UNSUPPORTED_BY_BACKEND", &|k| {
            k.algorithm = v1::Algorithm::MlDsa44.into();
            k.protection = v1::Protection::Hsm.into();
        }),
    ]
}

fn creation() -> Vec<Row> {
    let label = |key: &str, value: &str| {
        let (key, value) = (key.to_owned(), value.to_owned());
        move |k: &mut v1::Key| k.labels = [(key.clone(), value.clone())].into()
    };
    let period = |seconds, nanos| move |k: &mut v1::Key| k.rotation_period = Some(Duration { seconds, nanos });
    let sm2 = |k: &mut v1::Key| k.algorithm = v1::Algorithm::Sm2.into();
    let without_key =
        v1::CreateKeyRequest { key: None, ..create("tenants/dev".into(), "created", request_id("CreateKey")) };
    let taken = create("tenants/dev".into(), "signer", request_id("CreateKey"));
    vec![
        row("no key", &without_key, "MISSING_FIELD"),
        row("a name that is taken", &taken, "ALREADY_EXISTS"),
        spoiled("no algorithm", "MISSING_FIELD", &|k| k.algorithm = 0),
        spoiled("no protection", "MISSING_FIELD", &|k| k.protection = 0),
        spoiled("agreeing with Ed25519", "UNSUPPORTED_ALGORITHM", &|k| {
            k.algorithm = v1::Algorithm::Ed25519.into();
            k.purpose = v1::Purpose::Agree.into();
        }),
        spoiled("signing with X25519", "UNSUPPORTED_ALGORITHM", &|k| {
            k.algorithm = v1::Algorithm::X25519.into();
            k.purpose = v1::Purpose::Sign.into();
        }),
        spoiled("digests for a key that agrees", "UNSUPPORTED_ALGORITHM", &|k| {
            k.purpose = v1::Purpose::Agree.into();
            k.digest_allowed = true;
        }),
        spoiled("an SM2 id for a key that agrees", "UNSUPPORTED_ALGORITHM", &|k| {
            sm2(k);
            k.purpose = v1::Purpose::Agree.into();
            k.sm2_distinguishing_id = "id".into();
        }),
        spoiled("a purpose of others", "UNSUPPORTED_ALGORITHM", &|k| k.purpose = v1::Purpose::Mac.into()),
        spoiled("a scheme of others", "UNSUPPORTED_ALGORITHM", &|k| k.scheme = v1::Scheme::AesGcm.into()),
        spoiled("digests for Ed25519", "UNSUPPORTED_ALGORITHM", &|k| {
            k.algorithm = v1::Algorithm::Ed25519.into();
            k.digest_allowed = true;
        }),
        spoiled("digests for a cipher", "UNSUPPORTED_ALGORITHM", &|k| {
            k.algorithm = v1::Algorithm::Aes256Gcm.into();
            k.digest_allowed = true;
        }),
        spoiled("SM2 on a token that lacks it", "UNSUPPORTED_BY_BACKEND", &|k| {
            sm2(k);
            k.protection = v1::Protection::Hsm.into();
        }),
        spoiled("an SM2 id for P-256", "UNSUPPORTED_ALGORITHM", &|k| k.sm2_distinguishing_id = "id".into()),
        spoiled("a long SM2 id", "TOO_LARGE", &|k| {
            sm2(k);
            k.sm2_distinguishing_id = "i".repeat(129);
        }),
        spoiled("an SM2 id that is no ASCII", "INVALID_ARGUMENT", &|k| {
            sm2(k);
            k.sm2_distinguishing_id = "爱丽丝".into();
        }),
        spoiled("65 labels", "TOO_LARGE", &|k| {
            k.labels = (0..65).map(|n| (format!("l{n}"), String::new())).collect()
        }),
        spoiled("a label without a name", "INVALID_ARGUMENT", &label("", "v")),
        spoiled("a label in capitals", "INVALID_ARGUMENT", &label("Team", "v")),
        spoiled("a label with a space", "INVALID_ARGUMENT", &label("a b", "v")),
        spoiled("a label of 64 bytes", "INVALID_ARGUMENT", &label(&"a".repeat(64), "v")),
        spoiled("a label value of 64 bytes", "TOO_LARGE", &label("a", &"v".repeat(64))),
        spoiled("a long description", "TOO_LARGE", &|k| k.description = "d".repeat(1_025)),
        spoiled("a rotation period of nothing", "INVALID_ARGUMENT", &period(0, 0)),
        spoiled("a rotation period under an hour", "INVALID_ARGUMENT", &period(3_599, 0)),
        spoiled("a negative rotation period", "INVALID_ARGUMENT", &period(-3_600, 0)),
        spoiled("a rotation period of parts of a second", "INVALID_ARGUMENT", &period(3_600, 1)),
        spoiled("a rotation period of 11 years", "INVALID_ARGUMENT", &period(3_661 * 86_400, 0)),
    ]
}

fn update() -> Vec<Row> {
    let request = |key: Option<v1::Key>, mask: Option<&[&str]>| v1::UpdateKeyRequest {
        key,
        update_mask: mask.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        request_id: request_id("UpdateKey"),
    };
    let named = v1::Key { name: key("updated"), ..Default::default() };
    let described = v1::Key { description: "d".repeat(1_025), ..named.clone() };
    let labelled = v1::Key { labels: [("A".to_owned(), String::new())].into(), ..named.clone() };
    let hourly = v1::Key { rotation_period: Some(Duration { seconds: 1, nanos: 0 }), ..named.clone() };
    vec![
        row("no key", &request(None, Some(&["labels"])), "MISSING_FIELD"),
        row("no mask", &request(Some(named.clone()), None), "MISSING_FIELD"),
        row("an empty mask", &request(Some(named.clone()), Some(&[])), "FIELD_MASK_INVALID"),
        row(
            "a mask of an immutable field",
            &request(Some(named.clone()), Some(&["algorithm"])),
            "FIELD_MASK_INVALID",
        ),
        row("a mask of all", &request(Some(named.clone()), Some(&["*"])), "FIELD_MASK_INVALID"),
        row("a mask of 1000 paths", &request(Some(named), Some(&["labels"; 1_000])), "FIELD_MASK_INVALID"),
        row("a long description", &request(Some(described), Some(&["description"])), "TOO_LARGE"),
        row("a label in capitals", &request(Some(labelled), Some(&["labels"])), "INVALID_ARGUMENT"),
        row("a rotation period of a second", &request(Some(hourly), Some(&["rotation_period"])), "INVALID_ARGUMENT"),
    ]
}

fn revocation() -> Vec<Row> {
    let request = |id: &str, reason: i32, seconds: Option<i64>| v1::RevokeKeyVersionRequest {
        name: version(id),
        reason,
        compromise_time: seconds.map(|seconds| Timestamp { seconds, nanos: 0 }),
        etag: String::new(),
        request_id: request_id("RevokeKeyVersion"),
    };
    let (compromise, superseded) = (1, v1::RevocationReason::Superseded.into());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let tomorrow = i64::try_from(now).unwrap() + 86_400;
    vec![
        row("no reason", &request("revoked", 0, None), "MISSING_FIELD"),
        row("reason 7 of RFC 5280", &request("revoked", 7, None), "INVALID_ARGUMENT"),
        row("removeFromCRL", &request("revoked", 8, None), "INVALID_ARGUMENT"),
        row("a compromise that is to come", &request("revoked", compromise, Some(tomorrow)), "INVALID_ARGUMENT"),
        row("a compromise time without one", &request("revoked", superseded, Some(1)), "INVALID_ARGUMENT"),
        row("revoked before", &request("deactivated", superseded, None), "WRONG_STATE"),
        row("compromised before", &request("compromised", compromise, None), "WRONG_STATE"),
        row("a hold of what is revoked", &request("deactivated", 6, None), "WRONG_STATE"),
    ]
}

fn destruction() -> Vec<Row> {
    let request = |id: &str, seconds: Option<i64>| v1::ScheduleDestroyKeyVersionRequest {
        name: version(id),
        delay: seconds.map(|seconds| Duration { seconds, nanos: 0 }),
        etag: String::new(),
        request_id: request_id("ScheduleDestroyKeyVersion"),
    };
    vec![
        row("no delay", &request("destroyed", None), "MISSING_FIELD"),
        row("a delay of 366 days", &request("destroyed", Some(366 * 86_400)), "INVALID_ARGUMENT"),
        row("an active version", &request("active", Some(1)), "WRONG_STATE"),
        row("a suspended version", &request("suspended", Some(1)), "WRONG_STATE"),
        row("a scheduled version", &request("scheduled", Some(1)), "WRONG_STATE"),
    ]
}

fn signing() -> Vec<Row> {
    use sign_request::Data::{Digest, Message};
    let request = |name: String, data| v1::SignRequest { name, data, ..Default::default() };
    let message = || Some(Message(b"message".to_vec()));
    vec![
        row("nothing to sign", &request(key("signer"), None), "MISSING_FIELD"),
        row("a message over 1 MiB", &request(key("signer"), Some(Message(vec![0; INPUT_LEN_MAX + 1]))), "TOO_LARGE"),
        row("a digest", &request(key("signer"), Some(Digest(vec![0; 32]))), "DIGEST_NOT_ALLOWED"),
        row("an empty digest", &request(key("digester"), Some(Digest(Vec::new()))), "INVALID_ARGUMENT"),
        row("a digest of 31 bytes", &request(key("digester"), Some(Digest(vec![0; 31]))), "INVALID_ARGUMENT"),
        row("a digest of 48 bytes", &request(key("digester"), Some(Digest(vec![0; 48]))), "INVALID_ARGUMENT"),
        row("a cipher", &request(key("cipher"), message()), "WRONG_PURPOSE"),
        row("an RSA key that decrypts", &request(key("opener"), message()), "WRONG_PURPOSE"),
        row("no active version", &request(key("pre-active"), message()), "WRONG_STATE"),
        row("a suspended version", &request(version("suspended"), message()), "WRONG_STATE"),
        row("a deactivated version", &request(version("deactivated"), message()), "WRONG_STATE"),
        row("a compromised version", &request(version("compromised"), message()), "WRONG_STATE"),
        row("an unknown version", &request(format!("{}/versions/7", key("signer")), message()), "VERSION_NOT_FOUND"),
    ]
}

fn batches() -> Vec<Row> {
    use sign_item::Data::{Digest, Message};
    let request = |data: Vec<Option<sign_item::Data>>| v1::SignBatchRequest {
        name: key("signer"),
        items: data.into_iter().map(|data| v1::SignItem { data }).collect(),
        format: 0,
    };
    let message = || Some(Message(b"message".to_vec()));
    vec![
        row("no items", &request(Vec::new()), "MISSING_FIELD"),
        row("1025 items", &request(vec![message(); 1_025]), "TOO_LARGE"),
        row("an item without data", &request(vec![message(), None]), "MISSING_FIELD"),
        row("a digest among them", &request(vec![message(), Some(Digest(vec![0; 32]))]), "DIGEST_NOT_ALLOWED"),
        row(
            "a long one among them",
            &request(vec![message(), Some(Message(vec![0; INPUT_LEN_MAX + 1]))]),
            "TOO_LARGE",
        ),
    ]
}

fn verification() -> Vec<Row> {
    use verify_request::Data::{Digest, Message};
    let request = |id: &str, data, signature: usize| v1::VerifyRequest {
        name: key(id),
        data,
        signature: vec![0x30; signature],
        format: 0,
    };
    let message = || Some(Message(b"message".to_vec()));
    vec![
        row("nothing that was signed", &request("signer", None, 70), "MISSING_FIELD"),
        row("no signature", &request("signer", message(), 0), "MISSING_FIELD"),
        row("a signature of 5121 bytes", &request("signer", message(), 5_121), "TOO_LARGE"),
        row("a message over 1 MiB", &request("signer", Some(Message(vec![0; INPUT_LEN_MAX + 1])), 70), "TOO_LARGE"),
        row("a digest", &request("signer", Some(Digest(vec![0; 32])), 70), "DIGEST_NOT_ALLOWED"),
        row("a digest of 31 bytes", &request("digester", Some(Digest(vec![0; 31])), 70), "INVALID_ARGUMENT"),
        row("a cipher", &request("cipher", message(), 70), "WRONG_PURPOSE"),
    ]
}

fn encryption() -> Vec<Row> {
    let request = |id: &str, plaintext: usize, aad: usize| v1::EncryptRequest {
        name: key(id),
        plaintext: vec![0; plaintext],
        additional_data: vec![0; aad],
    };
    vec![
        row("a plaintext over 1 MiB", &request("cipher", INPUT_LEN_MAX + 1, 0), "TOO_LARGE"),
        row("additional data over 64 KiB", &request("cipher", 1, AAD_LEN_MAX + 1), "TOO_LARGE"),
        row("319 bytes for RSA-OAEP", &request("opener", 319, 0), "TOO_LARGE"),
        row("a key that signs", &request("signer", 1, 0), "WRONG_PURPOSE"),
        row("a key that makes codes", &request("coder", 1, 0), "WRONG_PURPOSE"),
    ]
}

fn decryption() -> Vec<Row> {
    let request = |id: &str, ciphertext: Vec<u8>, aad: usize| v1::DecryptRequest {
        name: key(id),
        ciphertext,
        additional_data: vec![0; aad],
    };
    vec![
        row("no ciphertext", &request("cipher", Vec::new(), 0), "MISSING_FIELD"),
        row("no ciphertext at all", &request("cipher", vec![0; 100], 0), "DECRYPTION_FAILED"),
        row("a ciphertext of one byte", &request("cipher", vec![1], 0), "DECRYPTION_FAILED"),
        row("random bytes for RSA", &request("opener", vec![7; 384], 0), "DECRYPTION_FAILED"),
        row("a ciphertext of 2 MiB", &request("cipher", vec![0; 2 << 20], 0), "TOO_LARGE"),
        row("additional data over 64 KiB", &request("cipher", vec![0; 100], AAD_LEN_MAX + 1), "TOO_LARGE"),
        row("a key that signs", &request("signer", vec![0; 100], 0), "WRONG_PURPOSE"),
    ]
}

fn data_keys() -> Vec<Row> {
    let request = |id: &str, length_bytes, aad: usize| v1::GenerateDataKeyRequest {
        name: key(id),
        length_bytes,
        additional_data: vec![0; aad],
    };
    vec![
        row("15 bytes", &request("cipher", 15, 0), "INVALID_ARGUMENT"),
        row("65 bytes", &request("cipher", 65, 0), "INVALID_ARGUMENT"),
        row("4 GiB", &request("cipher", u32::MAX, 0), "INVALID_ARGUMENT"),
        row("additional data over 64 KiB", &request("cipher", 32, AAD_LEN_MAX + 1), "TOO_LARGE"),
        row("a key that signs", &request("signer", 32, 0), "WRONG_PURPOSE"),
    ]
}

fn codes(method: &str) -> Vec<Row> {
    let request = |id: &str, len: usize| {
        let (name, data) = (key(id), vec![0; len]);
        match method {
            "Mac" => v1::MacRequest { name, data }.encode_to_vec(),
            _ => v1::VerifyMacRequest { name, data, mac: vec![0; 32] }.encode_to_vec(),
        }
    };
    vec![
        Row::new("data over 1 MiB", request("coder", INPUT_LEN_MAX + 1), "TOO_LARGE"),
        Row::new("a key that signs", request("signer", 1), "WRONG_PURPOSE"),
        Row::new("a cipher", request("cipher", 1), "WRONG_PURPOSE"),
    ]
}

fn encapsulation() -> Vec<Row> {
    let request = |name: String| v1::EncapsulateRequest { name };
    vec![
        row("a key that signs", &request(key("signer")), "WRONG_PURPOSE"),
        row("an RSA key that decrypts", &request(key("opener")), "WRONG_PURPOSE"),
        row("a cipher", &request(key("cipher")), "WRONG_PURPOSE"),
        row("an unknown version", &request(format!("{}/versions/7", key("sharer"))), "VERSION_NOT_FOUND"),
    ]
}

fn decapsulation() -> Vec<Row> {
    let request = |id: &str, len: usize| v1::DecapsulateRequest { name: key(id), ciphertext: vec![7; len] };
    vec![
        row("no ciphertext", &request("sharer", 0), "MISSING_FIELD"),
        row("a ciphertext of one byte", &request("sharer", 1), "INVALID_ARGUMENT"),
        row("a ciphertext of 1087 bytes", &request("sharer", 1_087), "INVALID_ARGUMENT"),
        row("a ciphertext of 1089 bytes", &request("sharer", 1_089), "INVALID_ARGUMENT"),
        row("a ciphertext of 2 MiB", &request("sharer", 2 << 20), "INVALID_ARGUMENT"),
        row("a key that signs", &request("signer", 1_088), "WRONG_PURPOSE"),
        row("an RSA key that decrypts", &request("opener", 1_088), "WRONG_PURPOSE"),
    ]
}

fn derivations() -> Vec<Row> {
    /// P-256's base point with the last bit of y changed (SP 800-186 §3.2.1.3).
    const OFF_CURVE: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d\
        812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f4";
    let off_curve = hex::decode(OFF_CURVE).unwrap();
    let good = || derivation(key("meeter"), x25519(9));
    let bad = |what: &str, reason, spoil: &dyn Fn(&mut v1::DeriveSharedSecretRequest)| {
        let mut request = good();
        spoil(&mut request);
        row(what, &request, reason)
    };
    vec![
        bad("no peer", "MISSING_FIELD", &|r| r.peer_public_key.clear()),
        bad("no KDF", "MISSING_FIELD", &|r| r.kdf = 0),
        bad("no length", "MISSING_FIELD", &|r| r.length_bytes = 0),
        bad("1025 bytes", "INVALID_ARGUMENT", &|r| r.length_bytes = 1_025),
        bad("4 GiB", "INVALID_ARGUMENT", &|r| r.length_bytes = u32::MAX),
        bad("a salt for X9.63", "INVALID_ARGUMENT", &|r| {
            r.kdf = v1::Kdf::X963Sha256.into();
            r.salt = vec![1];
        }),
        bad("a long salt", "TOO_LARGE", &|r| r.salt = vec![0; 1_025]),
        bad("a long info", "TOO_LARGE", &|r| r.info = vec![0; 1_025]),
        bad("a long peer", "TOO_LARGE", &|r| r.peer_public_key = vec![0; 4_097]),
        bad("a peer that is no key", "INVALID_ARGUMENT", &|r| r.peer_public_key = b"peer".to_vec()),
        bad("a peer that is cut", "INVALID_ARGUMENT", &|r| r.peer_public_key.truncate(43)),
        bad("a peer of order 4", "INVALID_ARGUMENT", &|r| r.peer_public_key = x25519(0)),
        bad("a peer of order 1", "INVALID_ARGUMENT", &|r| r.peer_public_key = x25519(1)),
        bad("a peer on another curve", "INVALID_ARGUMENT", &|r| r.name = key("token-meeter")),
        row("a point off the curve", &derivation(key("token-meeter"), off_curve), "INVALID_ARGUMENT"),
        bad("a key that signs", "WRONG_PURPOSE", &|r| r.name = key("signer")),
        bad("a key that encapsulates", "WRONG_PURPOSE", &|r| r.name = key("sharer")),
        bad("a cipher", "WRONG_PURPOSE", &|r| r.name = key("cipher")),
    ]
}

fn randomness() -> Vec<Row> {
    let request =
        |length_bytes| v1::GenerateRandomRequest { parent: "tenants/dev".into(), length_bytes, protection: 0 };
    vec![
        row("no length", &request(0), "MISSING_FIELD"),
        row("65537 bytes", &request(65_537), "INVALID_ARGUMENT"),
        row("4 GiB", &request(u32::MAX), "INVALID_ARGUMENT"),
    ]
}

fn consistency(scene: &Scene) -> Vec<Row> {
    let request = |from_size| v1::ProveConsistencyRequest { from_size };
    vec![
        row("no size", &request(0), "INVALID_ARGUMENT"),
        row("a tree that is to come", &request(scene.tree_size + 1_000_000), "INVALID_ARGUMENT"),
        row("the largest number", &request(u64::MAX), "INVALID_ARGUMENT"),
    ]
}
