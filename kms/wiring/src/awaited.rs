//! A token that may not be there when the service starts: it is opened as soon as it is, and until then everything that needs it
//! is unavailable.

use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, Capabilities, Health, KeyBackend, Operation, Outcome};
use hufu_core::record::{Locator, Protection};
use parking_lot::Mutex;

use crate::hsm::{Opener, Refused};
use crate::open::Error;

/// Pause between attempts to open a token.
const RETRY_PERIOD: Duration = Duration::from_secs(10);

/// A token, there or not.
pub(crate) struct Awaited {
    name: String,
    serial: String,
    opened: OnceLock<Arc<dyn KeyBackend>>,
    why: Mutex<String>,
}

impl Awaited {
    /// Opens the token, or goes on trying in a thread of its own until it is there. One that refuses the PIN is not asked again
    /// before the next start.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn open(opener: Opener) -> Result<Arc<dyn KeyBackend>, Error> {
        let refused = match opener.open() {
            Ok(backend) => return Ok(backend),
            Err(refused) => refused,
        };
        let serial = opener.serial().to_owned();
        let awaited = Arc::new(Self {
            name: format!("token:{serial}"),
            serial,
            opened: OnceLock::new(),
            why: Mutex::new(refused.why.clone()),
        });
        tracing::warn!(token = awaited.name, why = refused.why, again = !refused.for_good, "the token is not there");
        if !refused.for_good {
            let waiting = Arc::downgrade(&awaited);
            let wait = move || wait(&waiting, &opener);
            thread::Builder::new().name("token-waits".to_owned()).spawn(wait).map_err(Error::Thread)?;
        }
        Ok(awaited)
    }

    fn get(&self) -> Result<&Arc<dyn KeyBackend>, BackendError> {
        self.opened.get().ok_or_else(|| BackendError::Unavailable(self.why.lock().clone()))
    }
}

/// Tries until the token is there, refuses for good, or nobody waits for it any more.
fn wait(waiting: &Weak<Awaited>, opener: &Opener) {
    loop {
        thread::sleep(RETRY_PERIOD);
        if waiting.strong_count() == 0 {
            return;
        }
        let opened = opener.open_late();
        let Some(awaited) = waiting.upgrade() else { return };
        match opened {
            Ok(backend) => {
                tracing::info!(token = awaited.name, "the token is there");
                // Nobody else sets it.
                drop(awaited.opened.set(backend));
                return;
            }
            Err(Refused { why, for_good }) => {
                *awaited.why.lock() = why;
                if for_good {
                    return;
                }
            }
        }
    }
}

impl KeyBackend for Awaited {
    fn name(&self) -> &str {
        &self.name
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        self.opened.get().map(|backend| backend.capabilities()).unwrap_or_default()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        match self.get() {
            Ok(backend) => backend.perform(operation, deadline),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn health(&self) -> Health {
        self.get().map_or_else(|error| Health::Down(error.to_string()), |backend| backend.health())
    }

    fn generation(&self) -> u64 {
        // One more than the token's own: the time before it was there is a generation too.
        self.opened.get().map_or(0, |backend| backend.generation().saturating_add(1))
    }

    fn holds(&self, locator: &Locator) -> bool {
        match self.opened.get() {
            Some(backend) => backend.holds(locator),
            None => matches!(locator, Locator::Token { serial, .. } if *serial == self.serial),
        }
    }

    fn distrust(&self) {
        if let Some(backend) = self.opened.get() {
            backend.distrust();
        }
    }
}
