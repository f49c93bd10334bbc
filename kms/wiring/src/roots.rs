//! The root slots of a configuration, and the work on them by `hufud root`.

use std::collections::BTreeSet;

use hufu_core::record::FIRST_ROOT_SLOT;
use hufu_engine::{Foundation, MoveStep, Renewal, RootKeeper, RootReport};

use crate::config::{Config, ConfigError};
use crate::identities::invalid;
use crate::open::{Ambient, Base, Error, check_begun, open_outside, open_store};
use crate::service::stop_journal;
use crate::{hsm, production};

/// Most further root slots.
const ROOTS_MAX: usize = 8;
/// Longest name of a slot, in bytes.
const SLOT_LEN_MAX: usize = 63;

/// Refuses slots that cannot be told apart.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let mut slots = BTreeSet::from([FIRST_ROOT_SLOT]);
    let mut serials: BTreeSet<&str> = config.key_tokens().map(|token| token.serial.as_str()).collect();
    if config.root.len() > ROOTS_MAX {
        return Err(invalid("root", &format!("at most {ROOTS_MAX} further root slots")));
    }
    for root in &config.root {
        if !is_name(&root.slot) {
            let form = "a slot's name has lower-case letters, digits and hyphens, and begins with a letter";
            return Err(invalid("root.slot", form));
        }
        if !slots.insert(&root.slot) {
            return Err(invalid("root.slot", "`token` is the slot of `[token]`, and no two slots have one name"));
        }
        if !serials.insert(&root.token.serial) {
            return Err(invalid("root.token.serial", "every root slot is on a token of its own"));
        }
    }
    Ok(())
}

fn is_name(slot: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    slot.len() <= SLOT_LEN_MAX && slot.starts_with(|c: char| c.is_ascii_lowercase()) && slot.bytes().all(rest)
}

/// What the server's operator does with root slots: beside running servers on PostgreSQL, instead of the server on SQLite.
pub struct RootAdmin {
    base: Base,
    foundation: Foundation,
}

impl RootAdmin {
    /// Opens tokens, database and foundation, as a server would.
    ///
    /// # Errors
    /// As [`crate::open`]; a database that is used by the only server that may is one of them.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        check(config)?;
        config.check_tokens()?;
        let ambient = Ambient::new();
        if config.custodians.is_some() {
            return Err(invalid("custodians", "a root that is split has no slots to move between").into());
        }
        let token = hsm::open(config, &ambient, None)?;
        let more_roots = hsm::open_roots(config)?;
        production::check(config, token.as_ref())?;
        let store = open_store(&config.storage, config.mode).await?;
        // Else this would be the first start.
        check_begun(store.as_ref()).await?;
        open_outside(config, store.as_ref()).await?;
        let base = Base::start(store, ambient).await?;
        let foundation = base.foundation(config, token, more_roots, None).await?;
        Ok(Self { base, foundation })
    }

    /// Every slot, and how much rests on it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn report(&self) -> Result<Vec<RootReport>, Error> {
        Ok(self.keeper().report().await?)
    }

    /// Moves everything from one slot to another, and retires the old one.
    ///
    /// # Errors
    /// As [`RootKeeper::retire`].
    pub async fn retire(&self, from: &str, to: &str, told: &(dyn Fn(MoveStep) + Sync)) -> Result<(), Error> {
        Ok(self.keeper().retire(from, to, told).await?)
    }

    /// Makes a new root key on a slot's token, or goes on with one that was begun. Everything is then to be moved to it.
    ///
    /// # Errors
    /// As [`RootKeeper::renew`].
    pub async fn renew(&self, slot: &str) -> Result<Renewal, Error> {
        Ok(self.keeper().renew(slot).await?)
    }

    /// Destroys the root key of a retired slot.
    ///
    /// # Errors
    /// As [`RootKeeper::destroy_key`].
    pub async fn destroy_key(&self, slot: &str) -> Result<(), Error> {
        Ok(self.keeper().destroy_key(slot).await?)
    }

    /// Commits what is left and closes.
    pub async fn close(self) {
        let Self { base, foundation } = self;
        drop(foundation);
        let Base { thread, journal, .. } = base;
        drop(journal);
        stop_journal(thread).await;
    }

    fn keeper(&self) -> RootKeeper<'_> {
        RootKeeper { keyring: &self.foundation.keyring, journal: &self.base.journal, clock: self.base.clock.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RootConfig, TokenConfig};

    /// The example's configuration with these slots, each on a token of that serial number.
    fn with(slots: &[(&str, &str)]) -> Config {
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hufu.example.toml");
        let mut config = Config::from_file(&example).unwrap();
        let token =
            |serial: &str| TokenConfig { serial: serial.to_owned(), ..config.tokens().next().unwrap().clone() };
        config.root =
            slots.iter().map(|(slot, at)| RootConfig { slot: (*slot).to_owned(), token: token(at) }).collect();
        config
    }

    #[test]
    fn slots_that_cannot_be_told_apart_are_refused() {
        for good in [&[][..], &[("vault", "2")], &[("vault", "2"), ("other", "3")]] {
            assert!(check(&with(good)).is_ok(), "{good:?}");
        }
        let first = with(&[]).tokens().next().unwrap().serial.clone();
        let many: Vec<(&str, &str)> = vec![("vault", "2"); ROOTS_MAX + 1];
        for bad in [
            &[("token", "2")][..],
            &[("Vault", "2")],
            &[("vault", "2"), ("vault", "3")],
            &[("vault", "2"), ("other", "2")],
            &[("vault", &first)],
            &many,
        ] {
            assert!(check(&with(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_slots_are_plain() {
        for good in ["vault", "hsm-2", "v"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "2", "Vault", "a b", "a/b", "-a", "ä", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
