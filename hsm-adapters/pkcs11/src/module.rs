//! Modules: loaded once in a process, initialised with OS locking, finalized only when nobody is inside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::config::OpenError;
use crate::fault::describe;

/// How long a restart waits for calls in progress to end: it keeps new ones out meanwhile.
const RESTART_WAIT_MAX: Duration = Duration::from_millis(500);

/// Restarts come no closer together than this, so that a token that returns is in use again within a second.
const RESTART_INTERVAL_MIN: Duration = Duration::from_millis(250);

/// The same for a module of several tokens: a restart takes the sessions of those that work.
const RESTART_INTERVAL_SHARED_MIN: Duration = Duration::from_secs(5);

/// A loaded module, shared by every backend that uses it: C_Initialize and C_Finalize are for the whole process.
pub(crate) struct Module {
    state: RwLock<State>,
    /// Counts initialisations. Sessions and handles of an earlier one are void.
    generation: AtomicU64,
    /// Calls that hang inside. C_Finalize under a call is undefined.
    hanging: AtomicUsize,
}

struct State {
    context: Pkcs11,
    restarted_at: Option<Instant>,
}

/// Leave to call into the module: while it is held the module is not finalized.
pub(crate) struct Entered<'a> {
    state: RwLockReadGuard<'a, State>,
    generation: u64,
}

impl Entered<'_> {
    pub(crate) fn context(&self) -> &Pkcs11 {
        &self.state.context
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

impl Module {
    /// The module of that path, loaded and initialised if it is not yet. It stays loaded until the process ends.
    pub(crate) fn load(path: &Path) -> Result<Arc<Self>, OpenError> {
        let failure = |why| OpenError::Module { path: path.display().to_string(), why };
        let real_path = path.canonicalize().map_err(|error| failure(error.to_string()))?;
        let mut modules = MODULES.lock();
        if let Some(module) = modules.get(&real_path) {
            return Ok(Arc::clone(module));
        }
        let context = Pkcs11::new(&real_path).map_err(|error| failure(describe(&error)))?;
        initialize(&context).map_err(|error| failure(describe(&error)))?;
        let state = RwLock::new(State { context, restarted_at: None });
        let module = Arc::new(Self { state, generation: AtomicU64::new(0), hanging: AtomicUsize::new(0) });
        modules.insert(real_path, Arc::clone(&module));
        Ok(module)
    }

    pub(crate) fn enter(&self) -> Entered<'_> {
        let state = self.state.read();
        // It changes under the lock alone.
        Entered { state, generation: self.generation.load(Ordering::Acquire) }
    }

    /// Counts initialisations.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Tells how many more, or fewer, calls hang inside than before.
    pub(crate) fn count_hanging(&self, more: usize, fewer: usize) {
        self.hanging.fetch_add(more, Ordering::AcqRel);
        self.hanging.fetch_sub(fewer, Ordering::AcqRel);
    }

    /// Finalizes and initialises anew, unless another caller has done so since `seen`, did so a moment ago, or calls in
    /// progress do not end.
    ///
    /// Some libraries never recover otherwise after their device or server was gone.
    pub(crate) fn restart(self: &Arc<Self>, seen: u64) -> Result<(), Error> {
        if self.hanging.load(Ordering::Acquire) > 0 || self.generation() != seen {
            return Ok(());
        }
        let Some(mut state) = self.state.try_write_for(RESTART_WAIT_MAX) else { return Ok(()) };
        let recent = state.restarted_at.is_some_and(|at| at.elapsed() < self.interval_min());
        if self.generation() != seen || recent {
            return Ok(());
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        state.restarted_at = Some(Instant::now());
        // A module whose device is gone may refuse even this; initialising tells.
        let _ = state.context.clone().finalize();
        initialize(&state.context)
    }

    fn interval_min(self: &Arc<Self>) -> Duration {
        // The register of modules and each token hold it once.
        if Arc::strong_count(self) > 2 { RESTART_INTERVAL_SHARED_MIN } else { RESTART_INTERVAL_MIN }
    }
}

fn initialize(context: &Pkcs11) -> Result<(), Error> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        result => result,
    }
}
