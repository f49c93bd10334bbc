//! Slots for small secrets, so that a 32-byte key costs neither a page nor three system calls.

use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize;

use crate::region::Region;

/// Bytes of a slot.
pub(crate) const SLOT_LEN: usize = 256;
const CHUNK_LEN: usize = 64 * 1024;
const CHUNKS_MAX: usize = 16;

/// A slot of [`SLOT_LEN`] bytes, zero when handed out, zeroized when it goes back.
pub(crate) struct Slot {
    start: NonNull<u8>,
    locked: bool,
}

// SAFETY: a slot is handed out to one owner at a time; shared access is read-only, changing it takes `&mut`.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

impl Slot {
    /// Takes a free slot; nothing when the arena is full or cannot grow.
    pub(crate) fn take() -> Option<Self> {
        let mut arena = arena();
        if arena.free.is_empty() {
            arena.grow()?;
        }
        arena.free.pop()
    }

    pub(crate) fn locked(&self) -> bool {
        self.locked
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the slot lies inside a chunk that is never unmapped, is initialised, and belongs to `self` alone.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), SLOT_LEN) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), SLOT_LEN) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        let returned = std::mem::ManuallyDrop::new(Self { start: self.start, locked: self.locked });
        arena().free.push(std::mem::ManuallyDrop::into_inner(returned));
    }
}

struct Arena {
    chunks: Vec<Region>,
    free: Vec<Slot>,
}

impl Arena {
    fn grow(&mut self) -> Option<()> {
        if self.chunks.len() >= CHUNKS_MAX {
            return None;
        }
        let chunk = Region::map(CHUNK_LEN).ok()?;
        let start = chunk.start();
        for index in 0..chunk.len() / SLOT_LEN {
            // SAFETY: `index * SLOT_LEN + SLOT_LEN` is at most the chunk's length.
            let start = unsafe { start.add(index * SLOT_LEN) };
            self.free.push(Slot { start, locked: chunk.locked() });
        }
        self.chunks.push(chunk);
        Some(())
    }
}

static ARENA: Mutex<Arena> = Mutex::new(Arena { chunks: Vec::new(), free: Vec::new() });

fn arena() -> MutexGuard<'static, Arena> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}
