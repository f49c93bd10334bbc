//! Modules: loaded once in a process, initialised with OS locking, finalized only when nobody is inside.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::config::OpenError;
use crate::fault::describe;
use crate::library::Library;

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
    /// What C_Initialize is given besides locking.
    init_string: Option<CString>,
}

struct State {
    library: Library,
    restarted_at: Option<Instant>,
}

/// Leave to call into the module: while it is held the module is not finalized.
pub(crate) struct Entered<'a> {
    state: RwLockReadGuard<'a, State>,
    generation: u64,
}

impl Entered<'_> {
    pub(crate) fn library(&self) -> &Library {
        &self.state.library
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

impl Module {
    /// The module of that path, loaded and initialised if it is not yet. It stays loaded until the process ends.
    pub(crate) fn load(path: &Path, init_string: Option<&str>) -> Result<Arc<Self>, OpenError> {
        let failure = |why| OpenError::Module { path: path.display().to_string(), why };
        let init_string = init_string.map(CString::new).transpose();
        let init_string = init_string.map_err(|_| failure("the initialisation string has a NUL in it".to_owned()))?;
        let real_path = path.canonicalize().map_err(|error| failure(error.to_string()))?;
        let mut modules = MODULES.lock();
        if let Some(module) = modules.get(&real_path) {
            let same = init_string.is_none() || init_string == module.init_string;
            let why = "this process has initialised it with another string: use a process of its own for each";
            return if same { Ok(Arc::clone(module)) } else { Err(failure(why.to_owned())) };
        }
        let library = Library::load(&real_path).map_err(|error| failure(describe(&error)))?;
        initialize(&library, init_string.as_deref()).map_err(|error| failure(explained(&error)))?;
        let state = RwLock::new(State { library, restarted_at: None });
        let (generation, hanging) = (AtomicU64::new(0), AtomicUsize::new(0));
        let module = Arc::new(Self { state, generation, hanging, init_string });
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
        let _ = Pkcs11::clone(&state.library).finalize();
        initialize(&state.library, self.init_string.as_deref())
    }

    fn interval_min(self: &Arc<Self>) -> Duration {
        // The register of modules and each token hold it once.
        if Arc::strong_count(self) > 2 { RESTART_INTERVAL_SHARED_MIN } else { RESTART_INTERVAL_MIN }
    }
}

fn initialize(context: &Pkcs11, init_string: Option<&CStr>) -> Result<(), Error> {
    let arguments = match init_string {
        Some(string) => with_reserved(string),
        None => CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK),
    };
    match context.initialize(arguments) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        result => result,
    }
}

/// Arguments with a string where the standard has a reserved pointer (PKCS #11 v3.1 §5.4.1), which some libraries are configured
/// by. It must outlive the call.
#[expect(unsafe_code, reason = "the only way to hand a library its initialisation string")]
fn with_reserved(string: &CStr) -> CInitializeArgs {
    let pointer = NonNull::from(string).cast();
    // SAFETY: the pointer is to a string that ends with a NUL, which is what libraries that know this argument read; both callers
    // keep it for as long as the module. Libraries that do not know it answer CKR_ARGUMENTS_BAD, as the standard wants.
    unsafe { CInitializeArgs::new_with_reserved(CInitializeFlags::OS_LOCKING_OK, pointer) }
}

/// The error in words, and what to do about the one that a missing string makes.
fn explained(error: &Error) -> String {
    let hint = match error {
        Error::Pkcs11(RvError::ArgumentsBad, _) => {
            "; if the library wants an initialisation string, name its vendor profile or give `init_string`"
        }
        _ => "",
    };
    format!("{}{hint}", describe(error))
}
