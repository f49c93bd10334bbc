//! Keys in a TPM: in a build with the feature `tpm`, which needs libtss2. Any build takes the options, and says so.

use hufu_custodian_keys::{CustodianKeys, Identity, KeyFile, SecretBytes, Suite};

use crate::failure::Failure;

/// Makes keys that this TPM alone loads.
#[cfg(feature = "tpm")]
pub(crate) fn make(
    identity: Identity,
    suite: Suite,
    tcti: &str,
    pin: impl FnOnce() -> Result<SecretBytes, Failure>,
) -> Result<(KeyFile, CustodianKeys), Failure> {
    Ok(KeyFile::in_tpm(identity, suite, access(tcti, pin()?))?)
}

/// Loads keys into their TPM.
#[cfg(feature = "tpm")]
pub(crate) fn open(
    file: &KeyFile,
    tcti: &str,
    pin: impl FnOnce() -> Result<SecretBytes, Failure>,
) -> Result<CustodianKeys, Failure> {
    Ok(file.open_in_tpm(access(tcti, pin()?))?)
}

#[cfg(feature = "tpm")]
fn access(tcti: &str, pin: SecretBytes) -> hufu_custodian_keys::TpmAccess {
    hufu_custodian_keys::TpmAccess { tcti: tcti.to_owned(), pin }
}

/// Says that this build cannot.
#[cfg(not(feature = "tpm"))]
pub(crate) fn make(
    _: Identity,
    _: Suite,
    _: &str,
    _: impl FnOnce() -> Result<SecretBytes, Failure>,
) -> Result<(KeyFile, CustodianKeys), Failure> {
    Err(unsupported())
}

/// Says that this build cannot.
#[cfg(not(feature = "tpm"))]
pub(crate) fn open(
    _: &KeyFile,
    _: &str,
    _: impl FnOnce() -> Result<SecretBytes, Failure>,
) -> Result<CustodianKeys, Failure> {
    Err(unsupported())
}

#[cfg(not(feature = "tpm"))]
fn unsupported() -> Failure {
    let help = "build it with `cargo build --release -p hufu-cli --features tpm`, which needs `libtss2-dev`";
    Failure::usage("this `hufu` was built without TPMs", help)
}
