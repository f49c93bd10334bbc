//! The holders of threshold keys: roster, links, and the backend over them.

mod config;
mod link;
mod wire;

pub use config::{LinkConfig, ThresholdConfig};

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::ambient::Clock;
use hufu_custodian::{Label, Roster, RosterHash, armour, from_words};
use hufu_threshold::{Config as BackendConfig, HolderLink, ThresholdBackend};

use crate::config::{Config, Mode};
use crate::open::Error;
use crate::{files, production};
use link::GrpcLink;

/// Longest file of a roster, in bytes.
const ROSTER_LEN_MAX: u64 = 1 << 20;

/// Longest wait for holders at the start: those that do not answer then are asked later.
const START_TIMEOUT: Duration = Duration::from_secs(3);

/// Roster and links, read and checked before anything is touched.
pub(crate) struct Holders {
    roster: Roster,
    links: Vec<Arc<dyn HolderLink>>,
    step_timeout: Duration,
    generation_timeout: Duration,
    mode: Mode,
}

/// Reads what the configuration names. Must be called on a Tokio runtime; connects to nobody yet.
pub(crate) fn read(config: &Config) -> Result<Option<Holders>, Error> {
    let Some(of) = &config.threshold else { return Ok(None) };
    let roster = files::read_text(&of.roster, ROSTER_LEN_MAX)?;
    let roster = armour::read_as(Label::Roster, &roster).and_then(|bytes| Roster::from_bytes(&bytes));
    let roster = roster.map_err(|error| refused(format!("`{}`: {error}", of.roster.display())))?;
    let pinned = read_pin(&of.pin)
        .ok_or_else(|| refused("`threshold.pin` is neither sixteen words nor 64 hexadecimal digits"))?;
    if roster.hash() != pinned {
        return Err(refused(format!("`{}` is not the roster that `threshold.pin` tells of", of.roster.display())));
    }
    let identity = link::Identity::read(of)?;
    let link = |holder| GrpcLink::new(holder, &identity).map(|link| Arc::new(link) as Arc<dyn HolderLink>);
    Ok(Some(Holders {
        roster,
        links: of.holders.iter().map(link).collect::<Result<_, _>>()?,
        step_timeout: of.step_timeout,
        generation_timeout: of.generation_timeout,
        mode: config.mode,
    }))
}

impl Holders {
    /// The backend over them. Asks each who it is; in production, none may keep its shares by a simulation.
    pub(crate) async fn open(self, deployment: &str, clock: Arc<dyn Clock>) -> Result<Arc<ThresholdBackend>, Error> {
        let config = BackendConfig {
            deployment: deployment.to_owned(),
            simulations_allowed: self.mode == Mode::Development,
            step_timeout: self.step_timeout,
            generation_timeout: self.generation_timeout,
        };
        let backend = ThresholdBackend::new(config, self.roster, clock, self.links).map_err(refused)?;
        for (holder, error) in backend.probe(Instant::now() + START_TIMEOUT).await {
            tracing::warn!(holder, %error, "a holder takes no part yet");
        }
        if production::is_refused(self.mode, &backend) {
            return Err(Error::Refused("a holder keeps its shares by a simulated token".to_owned()));
        }
        Ok(Arc::new(backend))
    }
}

/// A hash as people write it.
fn read_pin(text: &str) -> Option<RosterHash> {
    let bytes = hex::decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.or_else(|| from_words(text).ok()).map(RosterHash)
}

fn refused(why: impl Display) -> Error {
    Error::Holders(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_words_or_hexadecimal() {
        let hash = RosterHash([7; 32]);
        assert_eq!(read_pin(&hash.words()), Some(hash));
        assert_eq!(read_pin(&hash.to_string()), Some(hash));
        assert_eq!(read_pin("07"), None);
        assert_eq!(read_pin(""), None);
    }
}
