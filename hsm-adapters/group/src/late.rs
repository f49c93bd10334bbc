//! A token that may be opened later: a group, or a service with further root slots, serves without it meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, Capabilities, DeviceStatus, Health, KeyBackend, Operation, Outcome};
use hufu_core::record::{Locator, Protection};
use parking_lot::RwLock;

/// Between one try to open a token and the next.
const PAUSE: Duration = Duration::from_secs(5);

/// Opens the token.
type Open = Box<dyn FnMut() -> Result<Arc<dyn KeyBackend>, BackendError> + Send>;

/// A token that is opened when it can be.
pub struct Late {
    serial: String,
    name: String,
    shared: Arc<RwLock<State>>,
    /// Ends the tries when it is dropped.
    _end: Option<SyncSender<()>>,
}

enum State {
    Open(Arc<dyn KeyBackend>),
    /// Not yet, and why.
    Closed(String),
    /// Never again before the next start: its PIN was refused, or it must not be used.
    Refused(BackendError),
}

impl Late {
    /// Opens a token, now or later, on a thread of its own that tries again every five seconds. What answers `Credentials` or
    /// `Unsupported` is not tried again.
    ///
    /// It blocks for the first try.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn open(
        serial: String,
        mut open: impl FnMut() -> Result<Arc<dyn KeyBackend>, BackendError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let first = State::from(open());
        let name = format!("token:{serial}");
        let closed = matches!(first, State::Closed(_));
        let shared = Arc::new(RwLock::new(first));
        let end = match closed {
            true => Some(keep_trying(serial.clone(), Arc::clone(&shared), Box::new(open))?),
            false => None,
        };
        Ok(Self { serial, name, shared, _end: end })
    }

    /// Why it is not open; nothing when it is.
    #[must_use]
    pub fn closed(&self) -> Option<BackendError> {
        self.backend().err()
    }

    fn backend(&self) -> Result<Arc<dyn KeyBackend>, BackendError> {
        match &*self.shared.read() {
            State::Open(backend) => Ok(Arc::clone(backend)),
            State::Closed(why) => Err(BackendError::Unavailable(why.clone())),
            State::Refused(error) => Err(error.clone()),
        }
    }
}

impl From<Result<Arc<dyn KeyBackend>, BackendError>> for State {
    fn from(opened: Result<Arc<dyn KeyBackend>, BackendError>) -> Self {
        match opened {
            Ok(backend) => Self::Open(backend),
            Err(error @ (BackendError::Credentials(_) | BackendError::Unsupported(_))) => Self::Refused(error),
            Err(BackendError::Unavailable(why)) => Self::Closed(why),
            Err(error) => Self::Closed(error.to_string()),
        }
    }
}

fn keep_trying(serial: String, shared: Arc<RwLock<State>>, mut open: Open) -> std::io::Result<SyncSender<()>> {
    let (end, ended) = sync_channel(1);
    Builder::new().name("hsm-late".to_owned()).spawn(move || {
        while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            let state = State::from(open());
            let (is_open, is_over) = (matches!(state, State::Open(_)), !matches!(state, State::Closed(_)));
            *shared.write() = state;
            if is_open {
                tracing::info!(token = serial, "the token was opened");
            }
            if is_over {
                return;
            }
        }
    })?;
    Ok(end)
}

impl KeyBackend for Late {
    fn name(&self) -> &str {
        &self.name
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        self.backend().map(|backend| backend.capabilities()).unwrap_or_default()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move { self.backend()?.perform(operation, deadline).await })
    }

    fn health(&self) -> Health {
        match self.backend() {
            Ok(backend) => backend.health(),
            Err(error) => Health::Down(error.to_string()),
        }
    }

    fn generation(&self) -> u64 {
        self.backend().map_or(0, |backend| backend.generation().saturating_add(1))
    }

    fn distrust(&self) {
        if let Ok(backend) = self.backend() {
            backend.distrust();
        }
    }

    fn holds(&self, locator: &Locator) -> bool {
        matches!(locator, Locator::Token { serial, .. } if *serial == self.serial)
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        let told = |backend: Arc<dyn KeyBackend>| backend.devices();
        // A token that is away is one that is down, not none.
        self.backend().map_or_else(|_| vec![silent(&self.serial, self)], told)
    }

    fn returns(&self) -> Option<u64> {
        self.backend().ok()?.returns()
    }
}

/// What is told of a token that tells nothing of itself.
pub(crate) fn silent(serial: &str, backend: &dyn KeyBackend) -> DeviceStatus {
    DeviceStatus {
        serial: serial.to_owned(),
        model: String::new(),
        label: String::new(),
        health: backend.health(),
        breaker_open: false,
        generation: backend.generation(),
        sessions: 0,
        in_flight: 0,
        simulated: backend.capabilities().simulated,
        missing: 0,
        profile: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_away_is_told_of_as_down() {
        for error in [BackendError::Unavailable("unplugged".to_owned()), BackendError::Credentials("no".to_owned())] {
            let why = State::from(Err(error.clone()));
            let shared = Arc::new(RwLock::new(why));
            let late = Late { serial: "7".to_owned(), name: "token:7".to_owned(), shared, _end: None };
            let devices = late.devices();
            assert_eq!(devices.len(), 1, "{error}");
            assert_eq!((devices[0].serial.as_str(), &devices[0].health), ("7", &Health::Down(error.to_string())));
        }
    }
}
