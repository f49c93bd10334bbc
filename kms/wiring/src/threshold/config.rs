//! The table `[threshold]` of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::duration;

/// Holders who make keys among themselves and sign together (docs/operations/threshold-keys.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdConfig {
    /// The roster of holders and requesters, as each of the holders has it.
    pub roster: PathBuf,
    /// The roster's hash, in sixteen words or in hexadecimal.
    pub pin: String,
    /// This service's certificate, by which holders know it, followed by its intermediates.
    pub certificate: PathBuf,
    /// Its private key, PKCS#8.
    pub key: PathBuf,
    /// How long a holder has for a step of a signature, before another one is asked.
    #[serde(default = "default_step_timeout", deserialize_with = "duration")]
    pub step_timeout: Duration,
    /// How long a holder has for a step of a key generation, or to delete a share.
    #[serde(default = "default_generation_timeout", deserialize_with = "duration")]
    pub generation_timeout: Duration,
    /// How long holders are waited for, from the time that a destruction is due, that do not confirm it. A key is then destroyed
    /// although fewer of them than sign together may have their shares still.
    #[serde(default = "default_destruction_wait", deserialize_with = "duration")]
    pub destruction_wait: Duration,
    /// The holders.
    #[serde(rename = "holder")]
    pub holders: Vec<LinkConfig>,
}

/// The way to a holder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// Its name in the roster.
    pub name: String,
    /// Where it is, such as `https://north.example.com:7643`.
    pub address: String,
    /// Authorities that its certificate must lead to.
    pub authorities: PathBuf,
    /// The name in its certificate, where it is not the one in the address.
    #[serde(default)]
    pub server_name: Option<String>,
}

impl ThresholdConfig {
    /// The files that it names.
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let holders = self.holders.iter_mut().map(|holder| &mut holder.authorities);
        [&mut self.roster, &mut self.certificate, &mut self.key].into_iter().chain(holders)
    }
}

fn default_step_timeout() -> Duration {
    Duration::from_secs(2)
}

fn default_destruction_wait() -> Duration {
    Duration::from_secs(7 * 86_400)
}

fn default_generation_timeout() -> Duration {
    Duration::from_secs(10)
}
