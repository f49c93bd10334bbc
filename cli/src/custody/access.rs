//! How a custodian's keys are opened: by a passphrase or a PIN, from a file or from the terminal.

use std::path::{Path, PathBuf};

use clap::Args;
use hufu_custodian_keys::{CustodianKeys, KeyFile, PASSPHRASE_LEN_MAX, Place, SecretBytes};

use crate::{failure::Failure, input, table::clean};

/// Where passphrase or PIN come from. Never from the arguments: those are seen by others.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// File with the passphrase, which nobody else can read [default: asked for]
    #[arg(long, value_name = "FILE", conflicts_with = "module")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The vendor's PKCS#11 module, for keys on a token
    #[arg(long, value_name = "PATH")]
    pub(crate) module: Option<PathBuf>,
    /// File with the token's PIN, which nobody else can read [default: asked for]
    #[arg(long, value_name = "FILE", requires = "module")]
    pub(crate) pin_file: Option<PathBuf>,
}

impl Access {
    /// Opens the keys where the file says they are.
    pub(crate) fn open(&self, file: &KeyFile) -> Result<CustodianKeys, Failure> {
        let name = &file.custodian().name;
        match (file.place(), &self.module) {
            (Place::File { .. }, None) => {
                let passphrase = self.passphrase(&format!("Passphrase of {name}"))?;
                Ok(file.open_in_file(&passphrase)?)
            }
            (Place::File { .. }, Some(_)) => {
                Err(Failure::usage("the keys are in the file, not on a token", "leave out `--module`"))
            }
            (Place::Token { serial, .. }, None) => Err(Failure::usage(
                format!("the keys are on the token with serial number `{}`", clean(serial)),
                "name its PKCS#11 module with `--module PATH`",
            )),
            (Place::Token { serial, .. }, Some(module)) => {
                let pin = self.pin(&format!("PIN of the token {}", clean(serial)))?;
                Ok(file.open_on_token(module, pin)?)
            }
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

    pub(crate) fn pin(&self, question: &str) -> Result<SecretBytes, Failure> {
        read(self.pin_file.as_deref(), question, "a PIN", "--pin-file")
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
