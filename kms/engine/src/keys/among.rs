//! Keys that holders make among themselves and sign with together: what such a key needs, and what its mandate must say.
//!
//! Holders judge for themselves. What is seen here already is refused here, before anybody is asked.

use std::time::{Duration, Instant};

use hufu_core::algorithm::Scheme;
use hufu_core::backend::{Among, BackendError, HoldersError, Operation, Shared};
use hufu_core::name::{VersionName, VersionNumber};
use hufu_core::record::{KeyRecord, Locator, Protection, VersionRecord};
use hufu_core::{Error, Reason};
use hufu_frost::{KeyVersion, SignedGenerationMandate, Suite, Threshold};

use super::material::Making;
use crate::engine::Engine;
use crate::fault;

/// Longest wait for holders that are to delete their shares.
const DELETE_TIMEOUT: Duration = Duration::from_secs(30);

/// A requester's leave to make one version, which fits it.
pub(crate) struct Leave {
    bytes: Vec<u8>,
    mandate: SignedGenerationMandate,
}

impl Leave {
    /// Among whom, and how.
    pub(super) fn among<'a>(&'a self, version: &'a VersionName) -> Among<'a> {
        let said = self.mandate.mandate();
        Among { version, threshold: said.threshold.t(), holders: &said.holders, mandate: &self.bytes }
    }

    /// The holders' names, in the order of their shares.
    pub(super) fn holders(&self) -> &[String] {
        &self.mandate.mandate().holders
    }

    /// For the audit trail: who has asked for the key. That it was so is each holder's to verify.
    pub(super) fn requester(&self) -> &str {
        &self.mandate.mandate().requester
    }
}

impl<'a> Making<'a> {
    /// By holders where there is leave, else by the backend alone.
    pub(crate) fn under(leave: Option<&'a Leave>) -> Self {
        leave.map_or(Self::Generate, Self::Among)
    }
}

/// What the audit record of a new version says beside.
pub(super) fn detail(version: &VersionRecord, leave: Option<&Leave>) -> String {
    let requester = leave.map(|leave| format!(", requester {}", leave.requester())).unwrap_or_default();
    format!("uid {}{requester}", version.uid)
}

/// How holders sign with such a key; nothing of keys whose material is made by one.
pub(crate) fn suite(key: &KeyRecord) -> Option<Suite> {
    match (key.protection, key.scheme) {
        (Protection::Threshold, Scheme::Ed25519) => Some(Suite::Ed25519),
        (Protection::Threshold, Scheme::SchnorrBip340) => Some(Suite::Bip340),
        _ => None,
    }
}

impl Engine {
    /// The leave to make a version, where holders make it.
    ///
    /// # Errors
    /// [`Reason::MissingField`] without a sharing, [`Reason::InvalidArgument`] for one that cannot be;
    /// [`Reason::MandateMissing`]; [`Reason::MandateRefused`] when the mandate is for something else.
    pub(super) fn leave(
        &self,
        key: &KeyRecord,
        number: VersionNumber,
        mandate: Option<Vec<u8>>,
    ) -> Result<Option<Leave>, Error> {
        let Some(suite) = suite(key) else { return unasked(mandate.as_deref()).map(|()| None) };
        let threshold = self.check_sharing(key)?;
        let bytes = mandate.ok_or_else(|| missing("make this key"))?;
        let mandate = SignedGenerationMandate::from_bytes(&bytes).map_err(malformed)?;
        let said = mandate.mandate();
        let sharing = key.sharing.as_ref();
        let same_holders = sharing.is_some_and(|sharing| sharing.members == said.holders);
        let wanted = KeyVersion { name: key.name().to_string(), version: number.value() };
        agree(&[
            (said.deployment == self.deployment.log_origin, "another deployment"),
            (said.key == wanted, "another key version"),
            (said.suite == suite, "another scheme"),
            (said.threshold == threshold && same_holders, "other holders or another threshold"),
            (said.expires_at_ms > self.clock.now_ms(), "a time that has ended"),
        ])?;
        Ok(Some(Leave { bytes, mandate }))
    }

    fn check_sharing(&self, key: &KeyRecord) -> Result<Threshold, Error> {
        let sharing = key.sharing.as_ref().ok_or_else(|| {
            Error::new(Reason::MissingField, "a key of holders needs to know whose it is")
                .field("key.sharing")
                .help("name the holders, and how many of them sign together")
        })?;
        let invalid = |what: String| Error::new(Reason::InvalidArgument, what).field("key.sharing");
        let count = u8::try_from(sharing.members.len()).unwrap_or(u8::MAX);
        let threshold = Threshold::new(sharing.threshold, count).map_err(|error| invalid(error.to_string()))?;
        let known = self.backend(key.protection)?.devices();
        let stranger = sharing.members.iter().find(|name| known.iter().all(|device| device.serial != **name));
        match stranger {
            Some(name) => Err(invalid(format!("this service has no link to a holder `{name}`"))
                .help("`hufu status` lists the holders that it knows")),
            None => Ok(threshold),
        }
    }

    /// Has all holders of a version delete their shares.
    ///
    /// # Errors
    /// [`Reason::TooFewHolders`] and [`Reason::MandateRefused`], with the holders that have not.
    pub(crate) async fn erase_among(&self, version: &VersionRecord, holders: &[String]) -> Result<(), Error> {
        match self.delete_among(version, holders).await? {
            Some(error) => Err(fault::backend(BackendError::Holders(error))),
            None => Ok(()),
        }
    }

    /// As [`Engine::erase_among`], and answers with what holders failed and how.
    pub(crate) async fn delete_among(
        &self,
        version: &VersionRecord,
        holders: &[String],
    ) -> Result<Option<Box<HoldersError>>, Error> {
        let Locator::Holders { group } = &version.locator else { return Ok(None) };
        let name = version.name();
        let shared = Shared { version: &name, holders, group };
        let deadline = Instant::now() + DELETE_TIMEOUT;
        let backend = self.backend(version.protection)?;
        match backend.perform(Operation::DestroyAmong(shared), deadline).await {
            Ok(_) => Ok(None),
            Err(BackendError::Holders(error)) => Ok(Some(error)),
            Err(error) => Err(fault::backend(error)),
        }
    }

    /// The names of a version's holders, in the order of their shares.
    pub(crate) async fn holders(&self, version: &VersionRecord) -> Result<Vec<String>, Error> {
        let key = self.directory.key(&version.name().key).await?;
        Ok(key.key.record.sharing.as_ref().map(|sharing| sharing.members.clone()).unwrap_or_default())
    }
}

/// Refuses a mandate that is for something else, and says what.
pub(crate) fn agree(said: &[(bool, &str)]) -> Result<(), Error> {
    match said.iter().find(|(same, _)| !same) {
        Some((_, what)) => Err(Error::new(Reason::MandateRefused, format!("the mandate is for {what}"))
            .field("mandate")
            .help("have the requester sign a mandate for exactly this")),
        None => Ok(()),
    }
}

/// Refuses a mandate where nobody would look at it.
pub(crate) fn unasked(mandate: Option<&[u8]>) -> Result<(), Error> {
    match mandate {
        Some(_) => Err(Error::new(Reason::InvalidArgument, "the key is not one of holders: no mandate is needed")
            .field("mandate")),
        None => Ok(()),
    }
}

pub(crate) fn missing(what: &str) -> Error {
    Error::new(Reason::MandateMissing, format!("holders {what} for nobody who has not signed a mandate"))
        .field("mandate")
        .help("sign one with the key of a requester that the holders know: `--as KEYFILE`")
}

pub(crate) fn malformed(error: hufu_frost::Error) -> Error {
    Error::new(Reason::InvalidArgument, format!("the mandate cannot be read: {error}")).field("mandate")
}
