//! Idempotence: the repetition of a state-changing call is answered with what the first one did.

use hufu_core::changeset::Collection;
use hufu_core::record::RequestRecord;
use hufu_core::{Error, Reason};
use sha2::{Digest, Sha256};

use crate::api::{Caller, Idempotency};
use crate::engine::Engine;
use crate::fault;

/// How long a request id is remembered, in milliseconds.
const REMEMBERED_MS: u64 = 24 * 3_600_000;

/// The method under which steps of ceremonies are remembered: without an end, for a ceremony that began may go on after any time.
pub(crate) const CEREMONY_METHOD: &str = "ceremony";

impl Engine {
    /// The resource that this very request has changed already, if it has.
    pub(crate) async fn replayed(&self, caller: &Caller) -> Result<Option<String>, Error> {
        Ok(self.remembered(caller).await?.map(|record| record.resource))
    }

    /// What is kept of this very request, if it came before.
    pub(crate) async fn remembered(&self, caller: &Caller) -> Result<Option<RequestRecord>, Error> {
        let Some(idempotency) = &caller.idempotency else { return Ok(None) };
        let id = row_id(caller, idempotency);
        let Some(row) = self.store.get(Collection::Request, &id).await.map_err(fault::store)? else {
            return Ok(None);
        };
        let record: RequestRecord = self.keyring.integrity().open(&row).map_err(Error::internal)?;
        if record.body == idempotency.body {
            return Ok(Some(record));
        }
        Err(Error::new(Reason::RequestIdReused, "this request id was used with another request")
            .field("request_id")
            .help("use a fresh UUID for each request"))
    }

    /// The result of a change, or success after all: a request that is repeated while it is under way may meet its own
    /// effect, and must not be told that someone else was faster.
    pub(crate) async fn unless_repeated(&self, caller: &Caller, result: Result<(), Error>) -> Result<(), Error> {
        match result {
            Err(error) if caller.idempotency.is_some() && may_be_own_effect(error.reason()) => {
                self.replayed(caller).await?.map(drop).ok_or(error)
            }
            result => result,
        }
    }

    /// What is kept of this request once it is committed.
    pub(crate) fn to_remember(&self, caller: &Caller, resource: &str) -> Option<RequestRecord> {
        let idempotency = caller.idempotency.as_ref()?;
        let expires_at = match idempotency.method {
            CEREMONY_METHOD => i64::MAX.unsigned_abs(),
            _ => self.clock.now_ms().saturating_add(REMEMBERED_MS),
        };
        Some(RequestRecord {
            id: row_id(caller, idempotency),
            body: idempotency.body,
            resource: resource.to_owned(),
            expires_at,
            output: None,
        })
    }
}

fn may_be_own_effect(reason: Reason) -> bool {
    matches!(reason, Reason::AlreadyExists | Reason::EtagMismatch | Reason::WrongState)
}

fn row_id(caller: &Caller, idempotency: &Idempotency) -> String {
    let digest = Sha256::new()
        .chain_update(b"hufu-request-v1\0")
        .chain_update(caller.principal.subject.0.as_bytes())
        .chain_update([0])
        .chain_update(idempotency.method)
        .chain_update([0])
        .chain_update(idempotency.request_id)
        .finalize();
    hex::encode(digest)
}
