use hufu_sdk::{Word as _, v1};
use serde::Serialize;

use super::protection_text;
use crate::{output::View, table::pairs};

/// A public key that was written to a file.
#[derive(Serialize)]
pub(crate) struct PublicKeyView {
    key_version: String,
    algorithm: String,
    scheme: String,
    protection: String,
    simulated: bool,
    ledger_key_id: String,
    pem: String,
}

impl PublicKeyView {
    pub(crate) fn new(key: &v1::PublicKey) -> Self {
        Self {
            key_version: key.key_version.clone(),
            algorithm: key.algorithm().word(),
            scheme: key.scheme().word(),
            protection: key.protection().word(),
            simulated: key.simulated,
            ledger_key_id: key.ledger_key_id.clone(),
            pem: key.pem.clone(),
        }
    }
}

impl View for PublicKeyView {
    fn text(&self) -> String {
        pairs([
            ("version", self.key_version.clone()),
            ("algorithm", self.algorithm.clone()),
            ("scheme", self.scheme.clone()),
            ("protection", protection_text(&self.protection, self.simulated)),
            ("ledger key id", self.ledger_key_id.clone()),
        ])
    }
}
