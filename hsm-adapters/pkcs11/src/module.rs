//! Modules: loaded once in a process, initialised with OS locking, finalized only when nobody is inside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::config::OpenError;
use crate::fault::describe;

/// How long a restart waits for calls in progress to end. A call that hangs for longer keeps the module as it is.
const RESTART_WAIT_MAX: Duration = Duration::from_secs(2);

/// Restarts come no closer together than this.
const RESTART_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// A loaded module, shared by every backend that uses it: C_Initialize and C_Finalize are for the whole process.
pub(crate) struct Module {
    state: RwLock<State>,
}

struct State {
    context: Pkcs11,
    /// Counts initialisations. Sessions and handles of an earlier one are void.
    generation: u64,
    restarted_at: Option<Instant>,
}

/// Leave to call into the module: while it is held the module is not finalized.
pub(crate) struct Entered<'a>(RwLockReadGuard<'a, State>);

impl Entered<'_> {
    pub(crate) fn context(&self) -> &Pkcs11 {
        &self.0.context
    }

    pub(crate) fn generation(&self) -> u64 {
        self.0.generation
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
        let state = RwLock::new(State { context, generation: 0, restarted_at: None });
        let module = Arc::new(Self { state });
        modules.insert(real_path, Arc::clone(&module));
        Ok(module)
    }

    pub(crate) fn enter(&self) -> Entered<'_> {
        Entered(self.state.read())
    }

    /// Finalizes and initialises anew, unless another caller has done so since `seen`, did so a moment ago, or calls in
    /// progress do not end.
    ///
    /// Some libraries never recover otherwise after their device or server was gone.
    pub(crate) fn restart(&self, seen: u64) -> Result<(), Error> {
        let Some(mut state) = self.state.try_write_for(RESTART_WAIT_MAX) else { return Ok(()) };
        let recent = state.restarted_at.is_some_and(|at| at.elapsed() < RESTART_INTERVAL_MIN);
        if state.generation != seen || recent {
            return Ok(());
        }
        state.generation += 1;
        state.restarted_at = Some(Instant::now());
        // A module whose device is gone may refuse even this; initialising tells.
        let _ = state.context.clone().finalize();
        initialize(&state.context)
    }
}

fn initialize(context: &Pkcs11) -> Result<(), Error> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        result => result,
    }
}
