//! Ceremonies in the service: events of custodians are judged by `hufu_ceremony`, committed one by one, and what was approved is done.
//!
//! INVARIANT: the row of a ceremony holds its events and nothing that could not be read from them. Each event is committed with
//! its audit record and a leaf on the ledger under the row's revision; the leaf holds the hash of all events so far. A row that
//! is not as its newest leaf says, an older copy of it above all, is locked.
//!
//! A ceremony is replayed whenever it is read, every signature of it: a handful, some 0.1 ms each. What was replayed is kept by
//! the hash of its newest leaf.

mod acts;
mod attempts;
mod decide;
mod deposit;
mod execute;
mod files;
mod held;
mod import;
mod only;
mod pass;
mod propose;
mod read;
mod receipt;
mod recovery;
mod refusal;
mod remains;
mod resharing;
mod root;
mod root_shares;
mod rules;
mod seats;
mod service;
mod sharing;
mod steps;
mod striking;
mod time;
mod transcript;

pub(crate) use transcript::SOFTWARE;

use std::sync::Arc;

use hufu_ceremony::{Ceremony, Grounds};
use hufu_core::{Error, Reason};
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::engine::Engine;
use attempts::Attempts;
pub(crate) use files::roster_id;
use time::Uptime;

/// Replayed ceremonies that are kept in memory.
const REPLAYED_MAX: usize = 64;

/// What the engine has for ceremonies.
pub(crate) struct Ceremonies {
    /// Roster and policy of the configuration.
    first: Arc<Grounds>,
    uptime: Mutex<Uptime>,
    /// Ceremonies by the hash of their newest leaf.
    replayed: Cache<[u8; 32], Arc<Ceremony>>,
    /// Held while steps are done: of several that would do the same step, one does.
    executing: tokio::sync::Mutex<()>,
    attempts: Attempts,
}

impl Engine {
    /// The same engine, which holds ceremonies. This roster and policy are in force until a ceremony replaces them.
    #[must_use]
    pub fn holding(self, first: Grounds) -> Self {
        let ceremonies = Ceremonies {
            first: Arc::new(first),
            uptime: Mutex::new(Uptime::unknown(self.clock.uptime())),
            replayed: Cache::new(REPLAYED_MAX),
            executing: tokio::sync::Mutex::new(()),
            attempts: Attempts::default(),
        };
        Self { ceremonies: Some(ceremonies), ..self }
    }

    fn ceremonies(&self) -> Result<&Ceremonies, Error> {
        self.ceremonies.as_ref().ok_or_else(|| {
            Error::new(Reason::CeremoniesOff, "this deployment holds no ceremonies")
                .help("name a roster and a policy under `[ceremonies]` in the configuration")
        })
    }
}
