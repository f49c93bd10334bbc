use std::path::Path;

use hufu_custodian::{Challenge, Custodian, Pin, Roster, SealingAlgorithm, SigningAlgorithm, Standing};
use hufu_custodian_keys::{KeyFile, Place};
use serde::Serialize;

use crate::{
    output::View,
    table::{pairs, table},
    time::rfc3339_millis,
};

/// A custodian, and where the private keys are if that is known.
#[derive(Serialize)]
pub(crate) struct CustodianView {
    #[serde(flatten)]
    entry: Entry,
    /// `file`, `token` or `tpm`.
    keys: Option<&'static str>,
    token_serial: Option<String>,
    token_model: Option<String>,
    tpm: Option<String>,
    tpm_model: Option<String>,
    simulated: Option<bool>,
    passphrase_memory_mib: Option<u32>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    full_name: String,
    organisation: String,
    roles: Vec<String>,
    signing_algorithm: &'static str,
    signing_fingerprint: String,
    sealing_algorithm: &'static str,
    sealing_fingerprint: String,
}

impl Entry {
    fn new(custodian: &Custodian) -> Self {
        Self {
            name: custodian.name.to_string(),
            full_name: custodian.full_name.clone(),
            organisation: custodian.organisation.to_string(),
            roles: custodian.roles.iter().map(ToString::to_string).collect(),
            signing_algorithm: match custodian.signing.algorithm() {
                SigningAlgorithm::P256 => "p256",
                SigningAlgorithm::Ed25519 => "ed25519",
                SigningAlgorithm::Sm2 => "sm2",
            },
            signing_fingerprint: hex::encode(custodian.signing.fingerprint()),
            sealing_algorithm: match custodian.sealing.algorithm() {
                SealingAlgorithm::P256 => "p256",
                SealingAlgorithm::X25519 => "x25519",
                SealingAlgorithm::Sm2 => "sm2",
            },
            sealing_fingerprint: hex::encode(custodian.sealing.fingerprint()),
        }
    }
}

impl CustodianView {
    pub(crate) fn of_entry(custodian: &Custodian) -> Self {
        Self {
            entry: Entry::new(custodian),
            keys: None,
            token_serial: None,
            token_model: None,
            tpm: None,
            tpm_model: None,
            simulated: None,
            passphrase_memory_mib: None,
        }
    }

    pub(crate) fn of_keys(file: &KeyFile) -> Self {
        let view = Self::of_entry(file.custodian());
        match file.place() {
            Place::File { cost, .. } => {
                Self { keys: Some("file"), passphrase_memory_mib: Some(cost.memory_mib()), ..view }
            }
            Place::Token { serial, model, simulated } => Self {
                keys: Some("token"),
                token_serial: Some(serial.clone()),
                token_model: Some(model.clone()),
                simulated: Some(*simulated),
                ..view
            },
            Place::Tpm { device, model, simulated } => Self {
                keys: Some("tpm"),
                tpm: Some(device.clone()),
                tpm_model: Some(model.clone()),
                simulated: Some(*simulated),
                ..view
            },
        }
    }

    fn place(&self) -> String {
        let simulated = if self.simulated == Some(true) { ", simulated" } else { "" };
        let of = |model: &Option<String>| format!("{}{simulated}", model.as_deref().unwrap_or_default());
        match (&self.token_serial, &self.tpm, self.passphrase_memory_mib) {
            (Some(serial), ..) => format!("on the token {serial}, {}", of(&self.token_model)),
            (None, Some(tpm), _) => format!("sealed by the TPM {tpm}, {}", of(&self.tpm_model)),
            (None, None, Some(memory)) => format!("in the file, under a passphrase; a guess costs {memory} MiB"),
            (None, None, None) => String::new(),
        }
    }
}

impl View for CustodianView {
    fn text(&self) -> String {
        let entry = &self.entry;
        pairs([
            ("name", entry.name.clone()),
            ("full name", entry.full_name.clone()),
            ("organisation", entry.organisation.clone()),
            ("roles", entry.roles.join(", ")),
            ("signs with", format!("{} {}", entry.signing_algorithm, entry.signing_fingerprint)),
            ("sealed to", format!("{} {}", entry.sealing_algorithm, entry.sealing_fingerprint)),
            ("private keys", self.place()),
        ])
    }
}

/// A challenge, made or answered.
#[derive(Serialize)]
pub(crate) struct ChallengeView {
    deployment: String,
    expires_at: Option<String>,
    #[serde(flatten)]
    entry: Entry,
}

impl ChallengeView {
    pub(crate) fn new(challenge: &Challenge) -> Self {
        Self {
            deployment: challenge.deployment().to_owned(),
            expires_at: rfc3339_millis(challenge.expires_at_ms()),
            entry: Entry::new(challenge.custodian()),
        }
    }
}

impl View for ChallengeView {
    fn text(&self) -> String {
        pairs([
            ("deployment", self.deployment.clone()),
            ("custodian", self.entry.name.clone()),
            ("expires at", self.expires_at.clone().unwrap_or_default()),
        ])
    }
}

/// A roster, and how it stands to the pin.
#[derive(Serialize)]
pub(crate) struct RosterView {
    deployment: String,
    number: u32,
    previous_hash: Option<String>,
    hash: String,
    words: String,
    /// `pinned` or `next`.
    standing: Option<&'static str>,
    custodians: Vec<Entry>,
}

impl RosterView {
    pub(crate) fn new(roster: &Roster, standing: Option<Standing>) -> Self {
        Self {
            deployment: roster.deployment().to_owned(),
            number: roster.number(),
            previous_hash: roster.previous().map(|hash| hash.to_string()),
            hash: roster.hash().to_string(),
            words: roster.hash().words(),
            standing: standing.map(|standing| match standing {
                Standing::Pinned => "pinned",
                Standing::Next => "next",
            }),
            custodians: roster.custodians().iter().map(Entry::new).collect(),
        }
    }

    /// The words of the hash, in lines that can be read out.
    pub(crate) fn words_text(&self) -> String {
        words_text(&self.words)
    }
}

impl View for RosterView {
    fn text(&self) -> String {
        let rows = self.custodians.iter().map(|entry| {
            let Entry { name, full_name, organisation, roles, .. } = entry;
            vec![name.clone(), full_name.clone(), organisation.clone(), roles.join(", ")]
        });
        let head = pairs([
            ("deployment", self.deployment.clone()),
            ("number", self.number.to_string()),
            ("follows", self.previous_hash.clone().unwrap_or_default()),
            ("hash", self.hash.clone()),
            ("standing", self.standing.unwrap_or_default().to_owned()),
        ]);
        let custodians = table(&["NAME", "FULL NAME", "ORGANISATION", "ROLES"], &rows.collect::<Vec<_>>());
        format!("{head}\n{custodians}\n{}", self.words_text())
    }
}

/// A pin that was set.
#[derive(Serialize)]
pub(crate) struct PinView {
    pin: String,
    deployment: String,
    number: u32,
    hash: String,
    words: String,
}

impl PinView {
    pub(crate) fn new(pin: &Pin, path: &Path) -> Self {
        Self {
            pin: path.display().to_string(),
            deployment: pin.deployment().to_owned(),
            number: pin.number(),
            hash: pin.hash().to_string(),
            words: pin.hash().words(),
        }
    }
}

impl View for PinView {
    fn text(&self) -> String {
        let head = pairs([
            ("pinned", format!("roster {} of {}", self.number, self.deployment)),
            ("in", self.pin.clone()),
            ("hash", self.hash.clone()),
        ]);
        format!("{head}\n{}", words_text(&self.words))
    }
}

/// Four words a line, with the number of the first.
pub(super) fn words_text(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let line = |(at, four): (usize, &[&str])| format!("{:>2}  {}\n", at * 4 + 1, four.join(" "));
    words.chunks(4).enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_fours() {
        let text = words_text("a b c d e f");
        assert_eq!(text, " 1  a b c d\n 5  e f\n");
    }
}
