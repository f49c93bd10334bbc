//! How a custodian's keys are opened: by a passphrase or a PIN, from a file or from the terminal.

use std::path::{Path, PathBuf};

use clap::Args;
use hufu_custodian_keys::{CustodianKeys, KeyFile, PASSPHRASE_LEN_MAX, Place, SecretBytes};

use super::tpm;
use crate::{failure::Failure, input, table::clean};

/// Where passphrase or PIN come from. Never from the arguments: those are seen by others.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// File with the passphrase, which nobody else can read [default: asked for]
    #[arg(long, value_name = "FILE", conflicts_with = "device")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The vendor's PKCS#11 module, for keys on a token
    #[arg(long, value_name = "PATH", group = "device")]
    pub(crate) module: Option<PathBuf>,
    /// The way to the TPM, for keys in one: `device:/dev/tpmrm0` on most machines
    #[arg(long, value_name = "TCTI", group = "device")]
    pub(crate) tpm: Option<String>,
    /// File with the PIN of the token or of the keys in the TPM, which nobody else can read [default: asked for]
    #[arg(long, value_name = "FILE", requires = "device")]
    pub(crate) pin_file: Option<PathBuf>,
}

impl Access {
    /// Opens the keys where the file says they are.
    pub(crate) fn open(&self, file: &KeyFile) -> Result<CustodianKeys, Failure> {
        let name = &file.custodian().name;
        match (file.place(), &self.module, &self.tpm) {
            (Place::File { .. }, None, None) => {
                let passphrase = self.passphrase(&format!("Passphrase of {name}"))?;
                Ok(file.open_in_file(&passphrase)?)
            }
            (Place::Token { serial, .. }, Some(module), _) => {
                let pin = self.pin(&format!("PIN of the token {}", clean(serial)))?;
                Ok(file.open_on_token(module, pin)?)
            }
            (Place::Tpm { .. }, _, Some(tcti)) => {
                tpm::open(file, tcti, || self.pin(&format!("PIN of the keys of {name} in the TPM")))
            }
            (place, ..) => Err(elsewhere(place)),
        }
    }

    pub(crate) fn passphrase(&self, question: &str) -> Result<SecretBytes, Failure> {
        read(self.passphrase_file.as_deref(), question, "a passphrase", "--passphrase-file")
    }

    /// A new one, which is asked for twice.
    pub(crate) fn new_passphrase(&self) -> Result<SecretBytes, Failure> {
        let passphrase = self.passphrase("New passphrase")?;
        if self.passphrase_file.is_none() && self.passphrase("The same again")? != passphrase {
            return Err(Failure::usage("the two passphrases differ", ""));
        }
        Ok(passphrase)
    }

    /// A new one, which is asked for twice.
    pub(crate) fn new_pin(&self) -> Result<SecretBytes, Failure> {
        let pin = self.pin("New PIN for the keys in the TPM")?;
        if self.pin_file.is_none() && self.pin("The same again")? != pin {
            return Err(Failure::usage("the two PINs differ", ""));
        }
        Ok(pin)
    }

    pub(crate) fn pin(&self, question: &str) -> Result<SecretBytes, Failure> {
        read(self.pin_file.as_deref(), question, "a PIN", "--pin-file")
    }
}

/// The options are for another place than that where the keys are.
fn elsewhere(place: &Place) -> Failure {
    match place {
        Place::File { .. } => Failure::usage(
            "the keys are in the file, under a passphrase",
            "leave out `--module` and `--tpm`, which are for keys on a token and in a TPM",
        ),
        Place::Token { serial, .. } => Failure::usage(
            format!("the keys are on the token with serial number `{}`", clean(serial)),
            "name its PKCS#11 module with `--module PATH`",
        ),
        Place::Tpm { device, .. } => Failure::usage(
            format!("the keys are in the TPM `{}`", clean(device)),
            "name the way to it with `--tpm device:/dev/tpmrm0`",
        ),
    }
}

fn read(file: Option<&Path>, question: &str, what: &str, option: &str) -> Result<SecretBytes, Failure> {
    match file {
        Some(path) => input::read_secret(path, PASSPHRASE_LEN_MAX, what),
        None => input::ask_secret(question).map_err(|cause| {
            let message = format!("{what} is needed, and there is no terminal to ask on: {cause}");
            Failure::usage(message, format!("name a file with `{option} FILE`"))
        }),
    }
}
