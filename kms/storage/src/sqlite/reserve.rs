//! Space set aside for the day the disk is full.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::files;

/// How often at most it is tried to set the space aside again.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// A file that holds space until it is needed.
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    released: AtomicBool,
    tried: Mutex<Option<Instant>>,
}

impl Reserve {
    /// Sets the space aside, or finds it set aside. Without room for it the reserve counts as given up.
    pub(super) fn new(path: PathBuf, bytes: u64) -> Self {
        let reserve = Self { path, bytes, released: AtomicBool::new(false), tried: Mutex::new(None) };
        if reserve.bytes > 0 && !reserve.is_whole() {
            reserve.released.store(true, Ordering::Release);
            if !reserve.try_restore() {
                tracing::error!("no room for the reserved space: uses of keys are refused until there is");
            }
        }
        reserve
    }

    /// Whether it has been given up.
    pub(super) fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Gives the space up. False if there was none to give.
    pub(super) fn release(&self) -> bool {
        if self.bytes == 0 || self.released.swap(true, Ordering::AcqRel) {
            return false;
        }
        tracing::error!("the disk is full: the reserved space is given up for state changes");
        let removed = fs::remove_file(&self.path);
        // Even if the removal is not durable, the blocks are free now.
        let _ = files::sync_parent(&self.path);
        removed.is_ok()
    }

    /// Sets the space aside again if there is room. True if it stands.
    pub(super) fn try_restore(&self) -> bool {
        let mut tried = self.tried.lock();
        if tried.is_some_and(|at| at.elapsed() < RETRY_EVERY) {
            return !self.is_released();
        }
        *tried = Some(Instant::now());
        if self.fill().is_err() {
            let _ = fs::remove_file(&self.path);
            return false;
        }
        self.released.store(false, Ordering::Release);
        true
    }

    fn is_whole(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|file| file.len() == self.bytes)
    }

    /// Writes every block, with bytes that no file system compresses away.
    fn fill(&self) -> std::io::Result<()> {
        let mut file = files::create_private(&self.path)?;
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut left = self.bytes;
        while left > 0 {
            let mut block = Vec::with_capacity(65_536);
            while block.len() < 65_536 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                block.extend_from_slice(&state.to_le_bytes());
            }
            let length = left.min(65_536);
            file.write_all(block.get(..usize::try_from(length).unwrap_or_default()).unwrap_or_default())?;
            left -= length;
        }
        file.sync_all()?;
        files::sync_parent(&self.path)
    }
}
