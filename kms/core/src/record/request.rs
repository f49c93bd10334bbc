//! Idempotence: what a request id has already done.

use minicbor::{Decode, Encode};

use super::Record;
use crate::changeset::Collection;

/// The result of a state-changing request or of a signature, replayed when the same request comes again. Never a secret.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RequestRecord {
    /// SHA-256 over principal, method and request id, in hexadecimal.
    #[n(0)]
    pub id: String,
    /// SHA-256 over the request's body.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub body: [u8; 32],
    /// Name of the resource that the request changed.
    #[n(2)]
    pub resource: String,
    /// When the record may be forgotten.
    #[n(3)]
    pub expires_at: u64,
    /// The signature that was made for it, in the backend's form: the one output that is kept, since it is public and another
    /// one would differ. Nothing while it is not known whether one was made.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub output: Option<Vec<u8>>,
}

impl Record for RequestRecord {
    const COLLECTION: Collection = Collection::Request;
    const DOMAIN: &'static str = "hufu-request";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn due(&self) -> Option<u64> {
        Some(self.expires_at)
    }
}
