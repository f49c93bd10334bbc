//! Requests become operations of the backend; their answers go out from the thread that has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use hufu_core::backend::{Health, KeyBackend};
use hufu_pkcs11::Pkcs11Backend;
use tokio::runtime::{Handle, Runtime};

use crate::wire::{FromWorker, Pulse, Request, ToWorker, WireError};

use super::outgoing::Outgoing;
use super::task::Task;

/// The longest time that anything may take.
const REMAINING_MAX: Duration = Duration::from_secs(24 * 3_600);

/// An open token and the way to the host.
pub(super) struct Session {
    shared: Arc<Shared>,
    timers: Handle,
}

struct Shared {
    backend: Pkcs11Backend,
    outgoing: Arc<Outgoing>,
    /// Requests that are not answered yet.
    under_way: AtomicUsize,
}

impl Session {
    pub(super) fn start(backend: Pkcs11Backend, outgoing: Arc<Outgoing>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let timers = runtime.handle().clone();
        Builder::new().name("deadlines".to_owned()).spawn(move || turn(&runtime))?;
        Ok(Self { shared: Arc::new(Shared { backend, outgoing, under_way: AtomicUsize::new(0) }), timers })
    }

    /// Begins what the host asks.
    pub(super) fn take(&self, message: ToWorker) -> Result<(), WireError> {
        match message {
            ToWorker::Request(request) => self.begin(*request),
            ToWorker::Ping => self.shared.pong(),
            ToWorker::Distrust => self.shared.backend.distrust(),
            ToWorker::Configure(_) => return Err(WireError::Malformed),
        }
        Ok(())
    }

    fn begin(&self, request: Request) {
        let now = Instant::now();
        // A remaining time beyond what the clock can count has no end in practice.
        let deadline = now.checked_add(request.remaining).unwrap_or(now + REMAINING_MAX);
        let shared = Arc::clone(&self.shared);
        shared.under_way.fetch_add(1, Ordering::Relaxed);
        let _timers = self.timers.enter();
        Task::start(Box::pin(async move {
            let result = request.call.perform(&shared.backend, deadline).await;
            let pulse = shared.pulse();
            let others = shared.under_way.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
            shared
                .outgoing
                .send_with_others(others, |buffer| FromWorker::write_answer(buffer, request.id, &pulse, &result));
        }));
    }
}

/// Drives the deadlines of all operations, for as long as the process lives.
fn turn(runtime: &Runtime) {
    runtime.block_on(std::future::pending::<()>());
}

impl Shared {
    fn pulse(&self) -> Pulse {
        let down = match self.backend.health() {
            Health::Serving => None,
            Health::Down(why) => Some(why),
        };
        let refusing = self.backend.is_refusing();
        Pulse { generation: self.backend.generation(), down, refusing }
    }

    fn pong(&self) {
        let (pulse, overdue) = (self.pulse(), self.backend.overdue());
        self.outgoing.send(|buffer| FromWorker::write_pong(buffer, &pulse, overdue));
    }
}
