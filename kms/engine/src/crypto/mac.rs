//! Message authentication codes.

use hufu_core::algorithm::Purpose;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::Operation;
use hufu_core::changeset::{Changeset, Grant};
use hufu_core::policy::Action;
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};
use subtle::ConstantTimeEq;

use super::input::{check_len, input_mac};
use super::sign::resource;
use crate::api::{Caller, MESSAGE_LEN_MAX, Selector, Signed, Verified};
use crate::engine::Engine;
use crate::fault;

/// Longest MAC of any scheme, with room.
const MAC_LEN_MAX: usize = 64;

impl Engine {
    /// Computes a MAC.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub async fn mac(&self, caller: &Caller, selector: &Selector, data: &[u8]) -> Result<Signed, Error> {
        let result = self.mac_checked(caller, selector, data).await;
        self.conclude(caller, Action::Mac, || resource(selector), result).await
    }

    /// Checks a MAC in constant time. Without a version it tries the newest ones that may be used.
    ///
    /// # Errors
    /// [`Reason::WrongPurpose`], [`Reason::WrongState`] when no version may be used. A bad MAC is no error.
    pub async fn verify_mac(
        &self,
        caller: &Caller,
        selector: &Selector,
        data: &[u8],
        mac: &[u8],
    ) -> Result<Verified, Error> {
        let result = self.verify_mac_checked(caller, selector, data, mac).await;
        self.conclude(caller, Action::VerifyMac, || resource(selector), result).await
    }

    async fn mac_checked(&self, caller: &Caller, selector: &Selector, data: &[u8]) -> Result<Signed, Error> {
        check_len("data", data.len(), MESSAGE_LEN_MAX)?;
        let permit = self.authorize(caller, Action::Mac, &selector.key.tenant, Some(&selector.key))?;
        let entry = self.select(selector).await?;
        may_use(&entry.version.record, Usage::Mac)?;
        let tenant = self.directory.tenant(&selector.key.tenant).await?;
        let slot = self.reserve()?;
        let protection = entry.version.record.protection;
        let mac = self.bytes(protection, Operation::Mac(&entry.handle, data), caller.deadline).await?;
        let record = AuditEntry {
            input_mac: Some(input_mac(&tenant.audit_key, b"mac", data).to_vec()),
            ..self.use_of(caller, Action::Mac, &entry, &permit)
        };
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        Ok(Signed { version: entry.version.clone(), signature: mac })
    }

    async fn verify_mac_checked(
        &self,
        caller: &Caller,
        selector: &Selector,
        data: &[u8],
        mac: &[u8],
    ) -> Result<Verified, Error> {
        check_len("data", data.len(), MESSAGE_LEN_MAX)?;
        check_len("mac", mac.len(), MAC_LEN_MAX)?;
        let permit = self.authorize(caller, Action::VerifyMac, &selector.key.tenant, Some(&selector.key))?;
        let tenant = self.directory.tenant(&selector.key.tenant).await?;
        let slot = self.reserve()?;
        let mut last = None;
        let mut refusal = None;
        for number in self.candidates(selector).await? {
            let entry = self.directory.version(&selector.key.version(number)).await?;
            if let Err(error) = may_use(&entry.version.record, Usage::VerifyMac) {
                refusal.get_or_insert(error);
                continue;
            }
            let protection = entry.version.record.protection;
            let right = self.bytes(protection, Operation::Mac(&entry.handle, data), caller.deadline).await?;
            let valid = bool::from(right.ct_eq(mac));
            last = Some((entry, valid));
            if valid {
                break;
            }
        }
        let Some((entry, valid)) = last else { return Err(refusal.unwrap_or_else(no_version)) };
        let record = AuditEntry {
            input_mac: Some(input_mac(&tenant.audit_key, b"mac", data).to_vec()),
            detail: Some(if valid { "valid" } else { "invalid" }.to_owned()),
            ..self.use_of(caller, Action::VerifyMac, &entry, &permit)
        };
        // The answer depends on the secret key: it is granted, and withheld, like an output.
        let subjects = vec![entry.subject.clone(), caller.principal.subject.clone()];
        let grant = Some(Grant { epoch: permit.epoch, subjects });
        slot.commit(Changeset { grant, ..Changeset::audit_only(record) }).await.map_err(fault::journal)?;
        Ok(Verified { valid, version: entry.version.clone() })
    }
}

fn no_version() -> Error {
    Error::new(Reason::WrongPurpose, format!("the key has no version to {}", Purpose::Mac)).field("name")
}
