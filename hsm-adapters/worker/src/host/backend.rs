//! The backend that callers see.

use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, Capabilities, Health, KeyBackend, Operation, Outcome};
use hufu_core::record::{Locator, Protection};
use tokio::sync::oneshot;

use super::config::{Config, OpenError};
use super::link::Reply;
use super::state::{Shared, State};
use super::supervisor::Supervisor;

/// How often an operation that does no harm when it is done twice is begun: one that ends each worker must not go on.
const TRIES_MAX: u32 = 3;

/// Keys in one PKCS#11 token, whose driver runs in a process of its own.
pub struct WorkerBackend {
    name: String,
    serial: String,
    shared: Arc<Shared>,
    supervisor: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl WorkerBackend {
    /// Starts a worker and waits until it has opened the token. The PIN is presented once; if that fails nothing is tried again.
    ///
    /// It blocks: call it before serving.
    ///
    /// # Errors
    /// [`OpenError`] when the program, the module, the token or the PIN is not usable.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::new());
        let (stop, stopped) = oneshot::channel();
        let (first, opened) = mpsc::sync_channel(1);
        let supervisor = Supervisor::new(config, Arc::clone(&shared));
        // Workers end with the thread that started them: this one lives as long as the backend.
        let thread = Builder::new().name("hsm-supervisor".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = supervisor.run(&first) => {}
                    // Dropping the supervisor ends the worker.
                    _ = stopped => {}
                }
            });
        })?;
        let gone = || OpenError::Worker("has lost its supervisor".to_owned());
        let opened = opened.recv().map_err(|_| gone())??;
        Ok(Self { name: opened.name, serial: opened.serial, shared, supervisor: Some((stop, thread)) })
    }

    /// Serial number of the token.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Process id of the worker; nothing while there is none.
    #[must_use]
    pub fn worker_pid(&self) -> Option<u32> {
        self.shared.link().ok().map(|link| link.pid())
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        for _ in 0..TRIES_MAX {
            match self.shared.link()?.call(&operation, deadline).await? {
                Reply::Answer(result) => return result,
                Reply::Lost { reached: true } if !is_repeatable(&operation) => {
                    let why = "the worker ended during the operation: nothing is known of its effect";
                    return Err(BackendError::Unavailable(why.to_owned()));
                }
                Reply::Lost { .. } => self.next_worker(deadline).await?,
            }
        }
        Err(BackendError::Unavailable(format!("{TRIES_MAX} workers have ended during this operation")))
    }

    /// Waits for a worker, or for the knowledge that there will be none.
    async fn next_worker(&self, deadline: Instant) -> Result<(), BackendError> {
        let mut state = self.shared.state.subscribe();
        let changed = state.wait_for(|state| !matches!(state, State::Down(_)));
        let in_time = tokio::time::timeout_at(deadline.into(), changed).await.is_ok();
        if in_time { Ok(()) } else { self.shared.link().map(|_| ()) }
    }
}

/// Whether doing it twice gives the same result. Another key or signature would be one that nobody accounts for.
fn is_repeatable(operation: &Operation<'_>) -> bool {
    !matches!(
        operation,
        Operation::Generate(_)
            | Operation::Unwrap(..)
            | Operation::Sign(..)
            | Operation::EncryptTo(..)
            | Operation::Encapsulate(_)
    )
}

impl KeyBackend for WorkerBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        self.shared.capabilities.read().clone()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move {
            if Instant::now() >= deadline {
                return Err(BackendError::DeadlineExceeded);
            }
            self.dispatch(operation, deadline).await
        })
    }

    fn health(&self) -> Health {
        self.shared.health()
    }

    fn generation(&self) -> u64 {
        self.shared.generation()
    }

    fn distrust(&self) {
        // Without a worker there is nothing to forget.
        if let Ok(link) = self.shared.link() {
            link.distrust();
        }
    }

    fn holds(&self, locator: &Locator) -> bool {
        matches!(locator, Locator::Token { serial, .. } if *serial == self.serial)
    }
}

impl Drop for WorkerBackend {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.supervisor.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}
