//! Hardening of the whole process: no core dumps, no attaching debugger, no swap where the limits allow.

use std::fmt;

/// `CAP_IPC_LOCK` in linux/capability.h.
const CAP_IPC_LOCK: u32 = 14;

/// Descriptors below are standard input, output and error.
const FIRST_INHERITED: libc::c_uint = 3;

/// How much memory to lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryLock {
    /// All pages of the process, now and later, as they are touched.
    All,
    /// Only those of [`crate::SecretBytes`].
    SecretsOnly,
}

/// What became of one step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// It is in force.
    Done,
    /// It is not, and this is why.
    NotDone(String),
}

/// What [`harden_process`] reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hardening {
    /// The process cannot be dumped or attached to by its own user (`PR_SET_DUMPABLE` 0).
    pub not_dumpable: Step,
    /// The core file limit is zero (`RLIMIT_CORE`).
    pub no_core: Step,
    /// All memory is locked (`mlockall`).
    pub locked: Step,
}

impl Hardening {
    /// Whether every step is in force.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        [&self.not_dumpable, &self.no_core, &self.locked].into_iter().all(|step| *step == Step::Done)
    }
}

/// Makes the process not dumpable, forbids core files, and locks its memory when that cannot make a later allocation fail.
///
/// Call it once, early, before secrets are read. A step that does not succeed is reported, never fatal: the caller decides.
#[must_use]
pub fn harden_process(lock: MemoryLock) -> Hardening {
    Hardening { not_dumpable: forbid_dumping(), no_core: forbid_core(), locked: lock_memory(lock) }
}

/// Ends this process with SIGKILL when the thread that started it ends (`PR_SET_PDEATHSIG`).
pub fn die_with_parent() -> Step {
    // SAFETY: `PR_SET_PDEATHSIG` reads no memory of ours.
    step(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) })
}

/// Closes every descriptor but standard input, output and error: what a parent left open is not ours.
///
/// Call it first in `main`, before the process has opened anything itself.
pub fn close_inherited_descriptors() -> Step {
    // SAFETY: no descriptor beyond the standard ones has an owner in this process yet, as the caller promises; the call reads
    // no memory of ours. By number, because the C library of some distributions lacks the wrapper.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST_INHERITED, libc::c_uint::MAX, 0) };
    step(libc::c_int::try_from(closed).unwrap_or(-1))
}

/// Ends the process at once, with this exit code, after what is left for standard output.
///
/// No exit handlers run: those of a vendor's library take down what its threads are still working with.
pub fn end_process(code: u8) -> ! {
    let _ = std::io::Write::flush(&mut std::io::stdout());
    // SAFETY: `_exit` takes a number and does not return.
    unsafe { libc::_exit(code.into()) }
}

fn forbid_dumping() -> Step {
    // SAFETY: `PR_SET_DUMPABLE` reads no memory of ours.
    step(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) })
}

fn forbid_core() -> Step {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live `rlimit`, which the kernel only reads.
    step(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) })
}

fn lock_memory(lock: MemoryLock) -> Step {
    if lock == MemoryLock::SecretsOnly {
        return Step::NotDone("only the memory of secrets is locked, as configured".to_owned());
    }
    // With a limit in force MCL_FUTURE makes the allocation fail that crosses it, which would end the process.
    if !may_lock_everything() {
        return Step::NotDone("RLIMIT_MEMLOCK is not unlimited and CAP_IPC_LOCK is absent".to_owned());
    }
    // SAFETY: `mlockall` takes flags only.
    step(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) })
}

fn may_lock_everything() -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live `rlimit`, which the kernel fills.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } == 0;
    (known && limit.rlim_cur == libc::RLIM_INFINITY) || has_capability(CAP_IPC_LOCK)
}

/// Whether the effective set has a capability (`CapEff` in proc_pid_status(5)).
fn has_capability(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|set| set >> number & 1 == 1)
}

fn step(result: libc::c_int) -> Step {
    if result == 0 { Step::Done } else { Step::NotDone(std::io::Error::last_os_error().to_string()) }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::NotDone(why) => write!(f, "not done: {why}"),
        }
    }
}
