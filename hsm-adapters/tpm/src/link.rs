//! The link to the TPM: opened when needed, given up when it is lost, and a PIN that is refused only once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use hufu_core::backend::{BackendError, Health};
use hufu_secret::SecretBytes;
use parking_lot::Mutex;
use tss_esapi::TctiNameConf;

use crate::device::Device;
use crate::fault::{Fault, Meaning, answer, meaning};

/// What the thread of the link shares with the backend.
pub(crate) struct Shared {
    pub(crate) tcti: TctiNameConf,
    /// Authorization value of the keys, 32 bytes.
    pub(crate) auth: SecretBytes,
    /// Counts connections that were lost.
    generation: AtomicU64,
    health: Mutex<Health>,
    /// Why the PIN was refused: it is never presented again.
    refused: Mutex<Option<String>>,
}

/// The link, used by one thread.
pub(crate) struct Link {
    shared: Arc<Shared>,
    device: Option<Device>,
    /// Never sent on: that it is gone tells that the device was closed. Fields are dropped in their order.
    _open: SyncSender<()>,
}

/// Dropped, it waits until the link is closed: without a resource manager the TPM keeps what a process that ends has loaded, and
/// has room for three keys.
pub(crate) struct Closed(Mutex<Receiver<()>>);

/// How long a TPM may take to unload what was loaded.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);

impl Drop for Closed {
    fn drop(&mut self) {
        // Whatever the answer is: a TPM that hangs is not waited for any longer.
        let _ = self.0.get_mut().recv_timeout(CLOSE_WAIT_MAX);
    }
}

/// The two ends between which [`Closed`] waits for a link.
pub(crate) fn closing() -> (SyncSender<()>, Closed) {
    let (open, closed) = sync_channel(0);
    (open, Closed(Mutex::new(closed)))
}

impl Shared {
    pub(crate) fn new(tcti: TctiNameConf, auth: SecretBytes) -> Self {
        let health = Mutex::new(Health::Serving);
        Self { tcti, auth, generation: AtomicU64::new(0), health, refused: Mutex::default() }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn health(&self) -> Health {
        match &*self.refused.lock() {
            Some(why) => Health::Down(format!("credentials refused: {why}")),
            None => self.health.lock().clone(),
        }
    }
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, open: SyncSender<()>) -> Self {
        Self { shared, device: None, _open: open }
    }

    /// Does some work on the TPM. A connection that turns out lost before anything was done is opened again, once.
    pub(crate) fn run<T>(
        &mut self,
        work: impl Fn(&mut Device, &SecretBytes) -> Result<T, Fault>,
    ) -> Result<T, BackendError> {
        if let Some(why) = &*self.shared.refused.lock() {
            return Err(BackendError::Credentials(why.clone()));
        }
        let known = self.device.is_some();
        match self.attempt(&work) {
            Err(Fault::Tpm(error)) if known && meaning(&error) == Meaning::Lost => self.attempt(&work),
            outcome => outcome,
        }
        .map_err(|fault| match fault {
            Fault::Answer(answer) => answer,
            Fault::Tpm(error) => answer(&error),
        })
    }

    fn attempt<T>(&mut self, work: impl Fn(&mut Device, &SecretBytes) -> Result<T, Fault>) -> Result<T, Fault> {
        let shared = Arc::clone(&self.shared);
        let outcome = match self.device() {
            Ok(device) => work(device, &shared.auth),
            Err(fault) => Err(fault),
        };
        match &outcome {
            Err(Fault::Tpm(error)) => self.note(error),
            Ok(_) | Err(Fault::Answer(_)) => *shared.health.lock() = Health::Serving,
        }
        outcome
    }

    fn device(&mut self) -> Result<&mut Device, Fault> {
        let device = match self.device.take() {
            Some(device) => device,
            None => Device::open(&self.shared.tcti)?,
        };
        Ok(self.device.insert(device))
    }

    fn note(&mut self, error: &tss_esapi::Error) {
        match meaning(error) {
            Meaning::Refused => {
                self.shared.refused.lock().get_or_insert_with(|| error.to_string());
            }
            Meaning::Lost => {
                self.device = None;
                self.shared.generation.fetch_add(1, Ordering::AcqRel);
                *self.shared.health.lock() = Health::Down(format!("the TPM is lost: {error}"));
            }
            Meaning::Busy | Meaning::Unsupported | Meaning::Foreign | Meaning::Point | Meaning::Failed => {}
        }
    }
}
