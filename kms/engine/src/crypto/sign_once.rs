//! Sign under a request id: at most one signature for an id, whatever is lost on the way.
//!
//! The id is kept before the device is touched, and its signature with the audit record that releases it. A repetition is
//! answered with that very signature. Where it is not known whether the device has signed, and it would sign
//! differently, nothing more is signed under the id.

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Operation, SignInput};
use hufu_core::changeset::{Changeset, Collection, Grant, Guard, Write};
use hufu_core::name::VersionName;
use hufu_core::policy::Action;
use hufu_core::record::{Locator, Record as _, RequestRecord};
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};
use hufu_journal::{JournalError, Slot};

use super::sign_under::{Asked, Mandated};
use super::signature;
use crate::api::{Caller, Input, Selector, SignatureFormat, Signed};
use crate::directory::VersionEntry;
use crate::engine::{Engine, Permit};
use crate::fault;

/// Revision of a request that is announced and not settled.
const ANNOUNCED: u64 = 1;

impl Engine {
    /// Signs one input under the caller's request id.
    pub(super) async fn sign_once(
        &self,
        caller: &Caller,
        selector: &Selector,
        input: &Input,
        format: SignatureFormat,
        mandate: Option<&[u8]>,
    ) -> Result<Signed, Error> {
        let permit = self.authorize(caller, Action::Sign, &selector.key.tenant, Some(&selector.key))?;
        let earlier = self.remembered(caller).await?;
        let entry = match &earlier {
            // The key may have been rotated since: the signature is still that version's.
            Some(earlier) => self.select(&selector_of(earlier)?).await?,
            None => self.select(selector).await?,
        };
        may_use(&entry.version.record, Usage::Sign)?;
        let scheme = entry.version.record.scheme;
        let request = match earlier {
            Some(RequestRecord { output: Some(raw), .. }) => {
                self.release_again(caller, &permit, &entry, input).await?;
                let signature = signature::format(scheme, raw, format)?;
                return Ok(Signed { version: entry.version.clone(), signature });
            }
            Some(_) if differs(&entry) => return Err(outcome_unknown()),
            earlier => earlier,
        };
        // What can be refused is refused before the id is spent.
        let checked = input.checked(&entry.version.record)?;
        let mandated = self.mandated(&entry, std::slice::from_ref(input), Asked::Once(mandate)).await?;
        // Read now: a store that fails after the signature would lose it.
        let input_mac = self.input_mac(&entry, input).await?;
        let slot = self.reserve()?;
        let request = match request {
            Some(request) => request,
            None => self.announce_signature(caller, &permit, &entry).await?,
        };
        let (raw, detail) =
            self.perform_once(caller, &permit, &entry, (checked, mandated.as_ref()), &request).await?;
        let settled = RequestRecord { output: Some(raw.clone()), ..request };
        let record = AuditEntry { input_mac, detail, ..self.use_of(caller, Action::Sign, &entry, &permit) };
        self.settle_signature(slot, record, grant(caller, &permit, &entry), settled).await?;
        Ok(Signed { version: entry.version.clone(), signature: signature::format(scheme, raw, format)? })
    }

    /// Keeps the id before the device is touched.
    async fn announce_signature(
        &self,
        caller: &Caller,
        permit: &Permit,
        entry: &VersionEntry,
    ) -> Result<RequestRecord, Error> {
        let request = self.to_remember(caller, &entry.version.record.name().to_string());
        let request = request.ok_or_else(|| Error::internal("a signature without a request id"))?;
        let record = self.entry(caller, Action::Announce, entry.resource.clone(), permit);
        let changeset = Changeset {
            guards: vec![Guard::Absent(Collection::Request, request.id())],
            writes: vec![Write::Put(self.keyring.integrity().row(&request, ANNOUNCED))],
            ..Changeset::audit_only(record)
        };
        match self.reserve()?.commit(changeset).await {
            Ok(_) => Ok(request),
            // The same request is under way on another connection.
            Err(JournalError::Guarded(_)) => Err(outcome_unknown()),
            Err(error) => Err(fault::journal(error)),
        }
    }

    /// Signs; where certainly nothing was signed, the id is free again.
    async fn perform_once(
        &self,
        caller: &Caller,
        permit: &Permit,
        entry: &VersionEntry,
        (input, mandated): (SignInput<'_>, Option<&Mandated<'_>>),
        request: &RequestRecord,
    ) -> Result<(Vec<u8>, Option<String>), Error> {
        let signed = match mandated {
            Some(mandated) => {
                let signed = self.sign_among(caller, entry, input, mandated).await;
                signed.map(|(signature, detail)| (signature, Some(detail)))
            }
            None => {
                let operation = Operation::SignOnce(&entry.handle, input);
                let signed = self.bytes(entry.version.record.protection, operation, caller.deadline).await;
                signed.map(|signature| (signature, None))
            }
        };
        if let Err(error) = &signed
            && fault::had_no_effect(error.reason())
        {
            self.withdraw_signature(caller, permit, entry, request).await;
        }
        signed
    }

    /// Keeps the signature with the audit record that releases it.
    async fn settle_signature(
        &self,
        slot: Slot,
        record: AuditEntry,
        grant: Grant,
        request: RequestRecord,
    ) -> Result<(), Error> {
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::Request, request.id(), ANNOUNCED)],
            writes: vec![Write::Put(self.keyring.integrity().row(&request, ANNOUNCED + 1))],
            grant: Some(grant),
            ..Changeset::audit_only(record)
        };
        match slot.commit(changeset).await {
            Ok(_) => Ok(()),
            // Another repetition has settled it first: the one that is kept counts.
            Err(JournalError::Guarded(_)) => Err(outcome_unknown()),
            Err(error) => Err(fault::journal(error)),
        }
    }

    /// Records that a signature was given out once more; withholds it where it would be withheld if it were new.
    async fn release_again(
        &self,
        caller: &Caller,
        permit: &Permit,
        entry: &VersionEntry,
        input: &Input,
    ) -> Result<(), Error> {
        let record = self.use_of(caller, Action::Sign, entry, permit);
        let input_mac = self.input_mac(entry, input).await?;
        let record = AuditEntry { input_mac, detail: Some("given out again".to_owned()), ..record };
        self.release(self.reserve()?, permit, caller, &entry.subject, record).await
    }

    /// What the audit trail says of the input.
    async fn input_mac(&self, entry: &VersionEntry, input: &Input) -> Result<Option<Vec<u8>>, Error> {
        let tenant = self.directory.tenant(&entry.version.record.tenant).await?;
        Ok(Some(input.mac(&tenant.audit_key).to_vec()))
    }

    /// Forgets an id under which certainly nothing was signed: the caller may try again with it.
    async fn withdraw_signature(
        &self,
        caller: &Caller,
        permit: &Permit,
        entry: &VersionEntry,
        request: &RequestRecord,
    ) {
        let record = self.entry(caller, Action::Announce, entry.resource.clone(), permit);
        let record = AuditEntry { detail: Some("withdrawn: nothing was signed".to_owned()), ..record };
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::Request, request.id(), ANNOUNCED)],
            writes: vec![Write::Delete(Collection::Request, request.id())],
            ..Changeset::audit_only(record)
        };
        let Ok(slot) = self.reserve() else { return };
        if let Err(error) = slot.commit(changeset).await {
            tracing::warn!(%error, "a request id was not withdrawn: it signs nothing for a day");
        }
    }
}

/// Whether another signature would be another one: the scheme draws for each, or its holders do.
fn differs(entry: &VersionEntry) -> bool {
    let record = &entry.version.record;
    record.scheme.is_randomised() || matches!(record.locator, Locator::Holders { .. })
}

fn selector_of(request: &RequestRecord) -> Result<Selector, Error> {
    let name = request.resource.parse::<VersionName>().map_err(Error::internal)?;
    Ok(Selector { key: name.key, number: Some(name.number) })
}

fn grant(caller: &Caller, permit: &Permit, entry: &VersionEntry) -> Grant {
    Grant { epoch: permit.epoch, subjects: vec![entry.subject.clone(), caller.principal.subject.clone()] }
}

fn outcome_unknown() -> Error {
    Error::new(Reason::OutcomeUnknown, "no signature is kept under this request id, though one may have been made")
        .field("request_id")
        .help("if another call with this id is under way, repeat it; if a second, different signature does no harm, take a fresh id")
}
