//! Who asks holders for keys and signatures: a key file as `hufu custodian new` makes, and for how much its mandate is good.

use std::{path::PathBuf, time::Duration};

use clap::{Args, builder::RangedU64ValueParser};
use hufu_custodian::Signer as _;
use hufu_custodian_keys::CustodianKeys;
use hufu_sdk::Terms;

use crate::{
    custody::{access, files},
    failure::Failure,
    time::parse_duration,
};

/// For keys of holders, who do nothing that a requester they know has not signed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys of holders (protection threshold)")]
pub(crate) struct Requester {
    /// Key file of the requester who signs the mandate, as `hufu custodian new` makes it
    #[arg(long = "as", value_name = "KEYFILE")]
    key_file: Option<PathBuf>,
    /// How long the mandate is good for; holders have bounds of their own
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "2m", requires = "key_file")]
    expires: Duration,
    /// The deployment that the mandate is for: the origin of its log [default: what the service says]
    #[arg(long, value_name = "ORIGIN", requires = "key_file")]
    deployment: Option<String>,
    #[command(flatten)]
    access: access::Access,
}

/// How often a signature may be tried.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys of holders (protection threshold)")]
pub(crate) struct Attempts {
    /// How often holders may try: the mandate is worth so many signatures at most, all of this message
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = RangedU64ValueParser::<u8>::new().range(1..=8), requires = "key_file")]
    attempts: u8,
}

impl Attempts {
    pub(crate) fn count(&self) -> u8 {
        self.attempts
    }
}

/// A requester whose keys are open.
pub(crate) struct Opened {
    name: String,
    keys: CustodianKeys,
}

impl Requester {
    /// Opens the requester's keys; nobody when none is named.
    pub(crate) fn open(&self) -> Result<Option<Opened>, Failure> {
        let Some(path) = &self.key_file else { return Ok(None) };
        let file = files::read_keys(path)?;
        let keys = self.access.open(&file)?;
        Ok(Some(Opened { name: file.custodian().name.to_string(), keys }))
    }

    /// How far a mandate goes.
    pub(crate) fn terms(&self) -> Terms {
        Terms { good_for: self.expires, deployment: self.deployment.clone(), ..Terms::default() }
    }
}

impl hufu_sdk::Requester for Opened {
    fn name(&self) -> &str {
        &self.name
    }

    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, String> {
        self.keys.sign(statement).map_err(|error| error.to_string())
    }
}
