//! Sign: one input, or many in one call.

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use hufu_core::audit::AuditEntry;
use hufu_core::backend::Operation;
use hufu_core::policy::Action;
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};

use super::sign_under::Asked;
use super::signature;
use crate::api::{BATCH_LEN_MAX, BATCH_UNDER_WAY_MAX, Caller, Input, Selector, SignatureFormat, Signed, SignedBatch};
use crate::directory::VersionEntry;
use crate::engine::{Engine, Permit};

impl Engine {
    /// Signs one input. The signature is released after its audit record is durable, and only if nothing it rests on
    /// has changed meanwhile. Under a request id there is at most one signature, and a repetition is answered with it.
    ///
    /// # Errors
    /// [`Reason::WrongState`], [`Reason::WrongPurpose`], [`Reason::DigestNotAllowed`], [`Reason::RevokedMeanwhile`],
    /// [`Reason::BackendUnavailable`], [`Reason::Overloaded`]; under a request id [`Reason::RequestIdReused`] and
    /// [`Reason::OutcomeUnknown`].
    pub async fn sign(
        &self,
        caller: &Caller,
        selector: &Selector,
        input: Input,
        format: SignatureFormat,
    ) -> Result<Signed, Error> {
        self.sign_under(caller, selector, input, format, None).await
    }

    /// Signs one input; with a key of holders under the mandate that a requester has signed for just that.
    ///
    /// # Errors
    /// As [`Self::sign`]; [`Reason::MandateMissing`], [`Reason::MandateRefused`], [`Reason::TooFewHolders`].
    pub async fn sign_under(
        &self,
        caller: &Caller,
        selector: &Selector,
        input: Input,
        format: SignatureFormat,
        mandate: Option<&[u8]>,
    ) -> Result<Signed, Error> {
        if caller.idempotency.is_some() {
            let result = self.sign_once(caller, selector, &input, format, mandate).await;
            return self.conclude(caller, Action::Sign, || resource(selector), result).await;
        }
        let asked = Asked::Once(mandate);
        let result = self.sign_all(caller, selector, std::slice::from_ref(&input), format, asked).await;
        let result = result.and_then(|mut batch| match batch.signatures.pop() {
            Some(signature) => Ok(Signed { version: batch.version, signature }),
            None => Err(Error::internal("no signature was made")),
        });
        self.conclude(caller, Action::Sign, || resource(selector), result).await
    }

    /// Signs many inputs under one audit record: all or none.
    ///
    /// # Errors
    /// As [`Self::sign`], and [`Reason::InvalidArgument`] for an empty batch.
    pub async fn sign_batch(
        &self,
        caller: &Caller,
        selector: &Selector,
        inputs: Vec<Input>,
        format: SignatureFormat,
    ) -> Result<SignedBatch, Error> {
        let result = match inputs.len() {
            0 => Err(Error::new(Reason::MissingField, "the batch is empty").field("items")),
            len if len > BATCH_LEN_MAX => {
                Err(Error::new(Reason::TooLarge, format!("at most {BATCH_LEN_MAX} inputs")).field("items"))
            }
            _ => self.sign_all(caller, selector, &inputs, format, Asked::Batch).await,
        };
        self.conclude(caller, Action::Sign, || resource(selector), result).await
    }

    async fn sign_all(
        &self,
        caller: &Caller,
        selector: &Selector,
        inputs: &[Input],
        format: SignatureFormat,
        asked: Asked<'_>,
    ) -> Result<SignedBatch, Error> {
        let permit = self.authorize(caller, Action::Sign, &selector.key.tenant, Some(&selector.key))?;
        let entry = self.select(selector).await?;
        may_use(&entry.version.record, Usage::Sign)?;
        let mandated = self.mandated(&entry, inputs, asked).await?;
        let tenant = self.directory.tenant(&selector.key.tenant).await?;
        let slot = self.reserve()?;
        let (signatures, detail) = match (&mandated, inputs) {
            (Some(mandated), [input]) => {
                let checked = input.checked(&entry.version.record)?;
                let (signature, detail) = self.sign_among(caller, &entry, checked, mandated).await?;
                (vec![signature], Some(detail))
            }
            _ => {
                let detail = (inputs.len() > 1).then(|| format!("{} inputs", inputs.len()));
                (self.sign_each(caller, &entry, inputs, format).await?, detail)
            }
        };
        let macs = inputs.iter().flat_map(|input| input.mac(&tenant.audit_key)).collect();
        let record = self.use_of(caller, Action::Sign, &entry, &permit);
        let record = AuditEntry { input_mac: Some(macs), detail, ..record };
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        Ok(SignedBatch { version: entry.version.clone(), signatures })
    }

    /// Signs in the order of the inputs. Several are under way at once, so that a backend with more than one session
    /// or thread has work for all of them.
    async fn sign_each(
        &self,
        caller: &Caller,
        entry: &VersionEntry,
        inputs: &[Input],
        format: SignatureFormat,
    ) -> Result<Vec<Vec<u8>>, Error> {
        if let [input] = inputs {
            return Ok(vec![self.sign_one(caller, entry, input, format).await?]);
        }
        let mut signatures = Vec::with_capacity(inputs.len());
        let mut under_way = FuturesOrdered::new();
        for input in inputs {
            if under_way.len() == BATCH_UNDER_WAY_MAX
                && let Some(signature) = under_way.next().await
            {
                signatures.push(signature?);
            }
            under_way.push_back(self.sign_one(caller, entry, input, format));
        }
        while let Some(signature) = under_way.next().await {
            signatures.push(signature?);
        }
        Ok(signatures)
    }

    async fn sign_one(
        &self,
        caller: &Caller,
        entry: &VersionEntry,
        input: &Input,
        format: SignatureFormat,
    ) -> Result<Vec<u8>, Error> {
        let record = &entry.version.record;
        let operation = Operation::Sign(&entry.handle, input.checked(record)?);
        let raw = self.bytes(record.protection, operation, caller.deadline).await?;
        signature::format(record.scheme, raw, format)
    }

    /// A record of a key's use.
    pub(super) fn use_of(
        &self,
        caller: &Caller,
        action: Action,
        entry: &VersionEntry,
        permit: &Permit,
    ) -> AuditEntry {
        let record = self.entry(caller, action, entry.resource.clone(), permit);
        let version = &entry.version.record;
        let (scheme, protection) = (Some(version.scheme), Some(version.protection));
        AuditEntry { scheme, protection, simulated: version.attestation.is_simulated(), ..record }
    }
}

/// What the caller meant, for the record of a refusal.
pub(super) fn resource(selector: &Selector) -> String {
    match selector.number {
        Some(number) => selector.key.version(number).to_string(),
        None => selector.key.to_string(),
    }
}
