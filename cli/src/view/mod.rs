//! Results as they are shown. The fields of a view are its JSON form, which is stable: fields are only added.
//!
//! Enums are the words of the command line (`p256`, `pre-active`), times RFC 3339 in UTC, bytes hexadecimal if the
//! field does not say otherwise. What is absent is `null`.

#[cfg(feature = "assess")]
pub(crate) mod assessment;
pub(crate) mod attestation;
pub(crate) mod audit;
#[cfg(feature = "custodian")]
pub(crate) mod ceremonies;
#[cfg(feature = "custodian")]
pub(crate) mod ceremony;
#[cfg(feature = "custodian")]
pub(crate) mod custodian;
#[cfg(feature = "custodian")]
pub(crate) mod deposit;
pub(crate) mod hsm;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod mac;
pub(crate) mod public;
pub(crate) mod random;
mod root;
#[cfg(feature = "custodian")]
pub(crate) mod root_transcript;
#[cfg(feature = "custodian")]
pub(crate) mod seal;
#[cfg(feature = "custodian")]
pub(crate) mod share;
#[cfg(feature = "custodian")]
pub(crate) mod share_set;
pub(crate) mod status;
#[cfg(feature = "custodian")]
pub(crate) mod target;
pub(crate) mod tenant;
pub(crate) mod transfer;
pub(crate) mod used;
pub(crate) mod version;

use hufu_sdk::{Timestamp, instant};

use crate::time::rfc3339;

/// A time of the API in RFC 3339; `None` when it is absent or cannot be written.
fn time(timestamp: Option<Timestamp>) -> Option<String> {
    rfc3339(instant(timestamp)?)
}

/// The last part of a resource name: `3` of `tenants/t/keys/k/versions/3`.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// `hsm`, or `hsm, simulated`.
fn protection_text(protection: &str, simulated: bool) -> String {
    if simulated { format!("{protection}, simulated") } else { protection.to_owned() }
}
