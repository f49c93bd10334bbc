//! Request ids and what identifies a repetition.

use std::collections::HashMap;

use hufu_core::Error;
use hufu_engine::api::Idempotency;
use hufu_proto::v1;
use prost::Message;
use sha2::{Digest as _, Sha256};

use super::{invalid, missing};

/// A request that changes something.
pub trait ChangeRequest: Message + Send + 'static {
    /// The id that the caller chose for this change.
    fn request_id_mut(&mut self) -> &mut String;

    /// The labels, whose order on the wire is the sender's.
    fn labels_mut(&mut self) -> Option<&mut HashMap<String, String>> {
        None
    }
}

macro_rules! change_requests {
    ($($name:ident,)*) => {
        $(impl ChangeRequest for v1::$name {
            fn request_id_mut(&mut self) -> &mut String {
                &mut self.request_id
            }
        })*
    };
}

change_requests! {
    RotateKeyRequest,
    ActivateKeyVersionRequest,
    SuspendKeyVersionRequest,
    ResumeKeyVersionRequest,
    RevokeKeyVersionRequest,
    ScheduleDestroyKeyVersionRequest,
    CancelDestroyKeyVersionRequest,
    SignRequest,
    ImportKeyRequest,
    RotateTenantKeyRequest,
    CreateCeremonyRequest,
    ApproveCeremonyRequest,
    VetoCeremonyRequest,
    CancelCeremonyRequest,
    CreateShareTargetRequest,
    SubmitCeremonyShareRequest,
    ExecuteCeremonyRequest,
    ConfirmShareRequest,
    CreateDepositRequest,
    DeleteDepositRequest,
    CancelDeleteDepositRequest,
}

impl ChangeRequest for v1::UnwrapKeyRequest {
    fn request_id_mut(&mut self) -> &mut String {
        &mut self.request_id
    }

    fn labels_mut(&mut self) -> Option<&mut HashMap<String, String>> {
        Some(&mut self.labels)
    }
}

macro_rules! change_requests_with_labels {
    ($($name:ident,)*) => {
        $(impl ChangeRequest for v1::$name {
            fn request_id_mut(&mut self) -> &mut String {
                &mut self.request_id
            }

            fn labels_mut(&mut self) -> Option<&mut HashMap<String, String>> {
                self.key.as_mut().map(|key| &mut key.labels)
            }
        })*
    };
}

change_requests_with_labels! {
    CreateKeyRequest,
    UpdateKeyRequest,
    CreateImportJobRequest,
}

/// Takes the request id out of a request and tells what a repetition of it looks like.
///
/// # Errors
/// `MISSING_FIELD` without an id, `INVALID_ARGUMENT` when it is no UUID (RFC 9562 §4).
pub fn idempotency<R: ChangeRequest>(request: &mut R, method: &'static str) -> Result<Idempotency, Error> {
    let id = std::mem::take(request.request_id_mut());
    if id.is_empty() {
        return Err(missing("request_id"));
    }
    let request_id = uuid(&id).ok_or_else(|| invalid("request_id", "a request id is a UUID (RFC 9562)"))?;
    Ok(Idempotency { request_id, method, body: body_digest(request) })
}

/// SHA-256 over the request without its id. Labels are hashed in the order of their keys: a map has none on the wire.
fn body_digest<R: ChangeRequest>(request: &mut R) -> [u8; 32] {
    let labels = request.labels_mut().map(std::mem::take).unwrap_or_default();
    let mut hasher = Sha256::new();
    hasher.update(b"hufu-request-v1");
    hash_text(&mut hasher, &request.encode_to_vec());
    let mut sorted: Vec<_> = labels.iter().collect();
    sorted.sort_unstable();
    for (key, value) in sorted {
        hash_text(&mut hasher, key.as_bytes());
        hash_text(&mut hasher, value.as_bytes());
    }
    if let Some(place) = request.labels_mut() {
        *place = labels;
    }
    hasher.finalize().into()
}

fn hash_text(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

/// Reads the textual form of a UUID: 8-4-4-4-12 hexadecimal digits.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<&str> = text.get(..36).filter(|whole| *whole == text)?.split('-').collect();
    let right_lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let mut id = [0; 16];
    hex::decode_to_slice(right_lengths.then(|| groups.concat())?, &mut id).ok()?;
    Some(id)
}

#[cfg(test)]
mod tests {
    use hufu_core::Reason;

    use super::*;

    const ID: &str = "0190b6a0-7c3e-7000-8000-0123456789ab";

    fn create(labels: &[(&str, &str)]) -> v1::CreateKeyRequest {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let key = v1::Key { labels, ..Default::default() };
        v1::CreateKeyRequest { request_id: ID.into(), key: Some(key), ..Default::default() }
    }

    fn body(mut request: v1::CreateKeyRequest) -> [u8; 32] {
        idempotency(&mut request, "CreateKey").unwrap().body
    }

    #[test]
    fn ids_are_uuids() {
        let id = |text: &str| {
            let mut request = v1::RotateKeyRequest { request_id: text.into(), ..Default::default() };
            idempotency(&mut request, "RotateKey").map(|found| found.request_id)
        };
        assert_eq!(id(ID).unwrap()[..2], [0x01, 0x90]);
        assert_eq!(id(&ID.to_uppercase()).unwrap(), id(ID).unwrap());
        assert_eq!(id("").unwrap_err().reason(), Reason::MissingField);
        for text in
            ["1", "0190b6a07c3e700080000123456789ab", &format!("{ID}0"), &"é".repeat(18), &ID.replace('0', "g")]
        {
            assert_eq!(id(text).unwrap_err().at_field(), Some("request_id"), "{text}");
        }
    }

    #[test]
    fn the_body_is_everything_but_the_id() {
        let other_id = v1::CreateKeyRequest { request_id: ID.replace('1', "2"), ..create(&[]) };
        assert_eq!(body(create(&[])), body(other_id));
        let other_name = v1::CreateKeyRequest { key_id: "k".into(), ..create(&[]) };
        assert_ne!(body(create(&[])), body(other_name));
        assert_ne!(body(create(&[])), body(create(&[("a", "b")])));
        assert_ne!(body(create(&[("a", "bc")])), body(create(&[("ab", "c")])));
    }

    #[test]
    fn the_order_of_labels_does_not_matter() {
        let labels: Vec<(String, String)> = (0..64).map(|n| (format!("k{n}"), format!("v{n}"))).collect();
        let forward: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        assert_eq!(body(create(&forward)), body(create(&backward)));
    }

    #[test]
    fn the_request_keeps_its_labels() {
        let mut request = create(&[("a", "b")]);
        idempotency(&mut request, "CreateKey").unwrap();
        assert_eq!(request.key.unwrap().labels.len(), 1);
    }
}
