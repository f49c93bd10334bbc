//! What surrounds the keys: randomness, threads, the process.

use std::time::{Duration, Instant};

use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{BackendError, KeyBackend, Operation, Outcome};
use hufu_secret::{MemoryLock, SecretBytes, harden_process};

use crate::Error;

/// Longest time for one operation. RSA is not made here: the slowest is a smart card that makes a pair.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The operating system's random source.
pub(crate) struct HostRng;

impl Rng for HostRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

/// Random bytes from the operating system.
///
/// # Errors
/// [`Error::System`].
pub fn random(len: usize) -> Result<SecretBytes, Error> {
    let mut bytes = SecretBytes::zeroed(len);
    HostRng.fill(bytes.expose_mut()).map_err(|_| Error::System("randomness"))?;
    Ok(bytes)
}

/// Keeps this process out of core dumps, debuggers and, where the limits allow, swap; says what it did not reach.
#[must_use]
pub fn harden() -> Option<String> {
    let hardening = harden_process(MemoryLock::All);
    (!hardening.is_complete()).then(|| {
        let [dump, core, lock] = [&hardening.not_dumpable, &hardening.no_core, &hardening.locked];
        format!("dumps forbidden: {dump}; core files forbidden: {core}; memory locked: {lock}")
    })
}

/// Performs an operation.
pub(crate) fn perform(backend: &dyn KeyBackend, operation: Operation<'_>) -> Result<Outcome, BackendError> {
    wait(backend.perform(operation, Instant::now() + WAIT_MAX))?
}

/// Waits on a thread of its own: the caller may itself be in a runtime, which does not let another one wait.
pub(crate) fn wait<F: Future<Output: Send> + Send>(future: F) -> Result<F::Output, BackendError> {
    let failed = || BackendError::Failed("the operating system gave no thread".to_owned());
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|_| failed())?;
        Ok(runtime.block_on(future))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("custodian".to_owned()).spawn_scoped(scope, work);
        let done = thread.map_err(|_| failed())?.join();
        done.map_err(|_| BackendError::Failed("the operation ended in a panic".to_owned()))?
    })
}
