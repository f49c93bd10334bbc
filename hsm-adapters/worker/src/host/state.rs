//! What callers see of the supervisor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hufu_core::backend::{BackendError, Capabilities, Health};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::link::Link;

/// Whether there is a worker.
#[derive(Clone)]
pub(super) enum State {
    /// One serves.
    Up(Arc<Link>),
    /// None does now, and why.
    Down(String),
    /// The PIN was refused, or may have been: none will, until the service is started anew.
    Refused(String),
}

/// Shared by callers and supervisor.
pub(super) struct Shared {
    pub(super) state: watch::Sender<State>,
    pub(super) capabilities: RwLock<Capabilities>,
    /// What earlier workers have counted, and one for each of their ends.
    ended_generations: AtomicU64,
}

impl Shared {
    pub(super) fn new() -> Self {
        let state = watch::Sender::new(State::Down("the worker is starting".to_owned()));
        Self { state, capabilities: RwLock::default(), ended_generations: AtomicU64::new(0) }
    }

    /// A worker has ended: whatever it knew of its device is lost.
    pub(super) fn count_end(&self, inner_generation: u64) {
        self.ended_generations.fetch_add(inner_generation.saturating_add(1), Ordering::AcqRel);
    }

    pub(super) fn generation(&self) -> u64 {
        let inner = match &*self.state.borrow() {
            State::Up(link) => link.pulse().generation,
            State::Down(_) | State::Refused(_) => 0,
        };
        self.ended_generations.load(Ordering::Acquire).saturating_add(inner)
    }

    pub(super) fn health(&self) -> Health {
        match &*self.state.borrow() {
            State::Up(link) => link.pulse().down.map_or(Health::Serving, Health::Down),
            State::Down(why) => Health::Down(why.clone()),
            State::Refused(why) => Health::Down(format!("credentials refused: {why}")),
        }
    }

    /// The worker that serves, or the answer that there is none.
    pub(super) fn link(&self) -> Result<Arc<Link>, BackendError> {
        match &*self.state.borrow() {
            State::Up(link) => Ok(Arc::clone(link)),
            State::Down(why) => Err(BackendError::Unavailable(why.clone())),
            State::Refused(why) => Err(BackendError::Credentials(why.clone())),
        }
    }
}
