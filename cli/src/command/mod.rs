//! The commands, one file a family.

#[cfg(feature = "assess")]
pub(crate) mod assess;
pub(crate) mod attestation;
pub(crate) mod audit;
#[cfg(feature = "custodian")]
pub(crate) mod ceremony;
pub(crate) mod completion;
#[cfg(feature = "custodian")]
pub(crate) mod custodian;
#[cfg(feature = "custodian")]
pub(crate) mod deposit;
pub(crate) mod derive;
pub(crate) mod encrypt;
#[cfg(feature = "assess")]
pub(crate) mod group_key;
pub(crate) mod hsm;
pub(crate) mod hsm_status;
pub(crate) mod kem;
pub(crate) mod key;
pub(crate) mod key_attributes;
pub(crate) mod key_create;
pub(crate) mod key_life;
pub(crate) mod key_transfer;
pub(crate) mod ledger;
pub(crate) mod mac;
pub(crate) mod random;
#[cfg(feature = "custodian")]
pub(crate) mod requester;
#[cfg(feature = "custodian")]
pub(crate) mod share_set;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod tenant;
#[cfg(feature = "custodian")]
pub(crate) mod unseal;

use hufu_sdk::KeyRef;

/// Reads `NAME`, for what concerns a key and not one of its versions.
fn key_without_version(text: &str) -> Result<KeyRef, String> {
    let key: KeyRef = text.parse().map_err(|error: hufu_sdk::Error| error.to_string())?;
    match key.version() {
        None => Ok(key),
        Some(_) => Err("this concerns the key, so name no version".to_owned()),
    }
}
