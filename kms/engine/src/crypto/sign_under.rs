//! Sign with a key of holders, under the mandate that a requester has signed.

use hufu_core::backend::{BackendError, HolderFault, Operation, Outcome, SignInput, Under};
use hufu_core::record::Locator;
use hufu_core::{Error, Reason};
use hufu_frost::{KeyVersion, MESSAGE_LEN_MAX, MessageDigest, PublicKeyDigest, SignedMandate};

use super::input;
use crate::alarms::MISBEHAVED;
use crate::api::{Caller, Input};
use crate::directory::VersionEntry;
use crate::engine::Engine;
use crate::fault;
use crate::keys::among::{agree, malformed, missing, unasked};

/// How a caller has asked for signatures.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    /// For one, with a mandate if there is one.
    Once(Option<&'a [u8]>),
    /// For many at once.
    Batch,
}

/// A mandate that fits what is to be signed.
pub(super) struct Mandated<'a> {
    mandate: &'a [u8],
    requester: String,
    holders: Vec<String>,
}

impl Engine {
    /// The mandate, where the key is one of holders.
    ///
    /// # Errors
    /// [`Reason::MandateMissing`]; [`Reason::MandateRefused`] when it is for something else or has ended;
    /// [`Reason::UnsupportedByBackend`] for a batch; [`Reason::TooLarge`] for what is longer than holders sign.
    pub(super) async fn mandated<'a>(
        &self,
        entry: &VersionEntry,
        inputs: &[Input],
        asked: Asked<'a>,
    ) -> Result<Option<Mandated<'a>>, Error> {
        let record = &entry.version.record;
        let mandate = match (&record.locator, asked) {
            (Locator::Holders { .. }, Asked::Once(mandate)) => mandate.ok_or_else(|| missing("sign"))?,
            (Locator::Holders { .. }, Asked::Batch) => return Err(no_batches()),
            (_, Asked::Once(mandate)) => return unasked(mandate).map(|()| None),
            (_, Asked::Batch) => return Ok(None),
        };
        let [input] = inputs else { return Err(no_batches()) };
        let SignInput::Message(message) = input.checked(record)? else { return Err(no_digests()) };
        input::check_len("message", message.len(), MESSAGE_LEN_MAX)?;
        let signed = SignedMandate::from_bytes(mandate).map_err(malformed)?;
        let said = signed.mandate();
        let name = record.name();
        let wanted = KeyVersion { name: name.key.to_string(), version: name.number.value() };
        let public_key = record.public_key.as_deref().map(PublicKeyDigest::of);
        agree(&[
            (said.deployment == self.deployment.log_origin, "another deployment"),
            (said.key == wanted, "another key version"),
            (Some(said.public_key) == public_key, "another public key"),
            (said.message == MessageDigest::of(message), "another message"),
            (said.expires_at_ms > self.clock.now_ms(), "a time that has ended"),
        ])?;
        let holders = self.holders(record).await?;
        Ok(Some(Mandated { mandate, requester: said.requester.clone(), holders }))
    }

    /// Has holders sign. The second part is for the audit trail: who asked, and who failed.
    pub(super) async fn sign_among(
        &self,
        caller: &Caller,
        entry: &VersionEntry,
        input: SignInput<'_>,
        mandated: &Mandated<'_>,
    ) -> Result<(Vec<u8>, String), Error> {
        let under = Under { holders: &mandated.holders, mandate: mandated.mandate };
        let operation = Operation::SignUnder(&entry.handle, input, under);
        let backend = self.backend(entry.version.record.protection)?;
        match backend.perform(operation, caller.deadline).await {
            Ok(Outcome::SignedByHolders { signature, faults }) => {
                self.report(&faults);
                Ok((signature, detail(&mandated.requester, &faults)))
            }
            Ok(_) => Err(Error::internal("the backend answered out of turn")),
            Err(error) => {
                if let BackendError::Holders(holders) = &error {
                    self.report(&holders.faults);
                }
                Err(fault::backend(error))
            }
        }
    }

    /// Raises an alarm for each holder that did what no honest one does.
    fn report(&self, faults: &[HolderFault]) {
        for fault in faults.iter().filter(|fault| fault.misbehaved) {
            self.alarms.raise(MISBEHAVED, &format!("holder {}", fault.holder), &fault.what);
        }
    }
}

fn detail(requester: &str, faults: &[HolderFault]) -> String {
    let faults = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if faults.is_empty() {
        format!("requester {requester}")
    } else {
        format!("requester {requester}; failed: {faults}")
    }
}

fn no_batches() -> Error {
    Error::new(Reason::UnsupportedByBackend, "holders sign one message at a time")
        .field("items")
        .help("call Sign for each message, with a mandate for each")
}

fn no_digests() -> Error {
    Error::new(Reason::DigestNotAllowed, "holders sign messages, not digests").field("digest")
}
