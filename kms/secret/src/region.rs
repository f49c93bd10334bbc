//! Pages of their own: mapped, kept out of core dumps and of children, locked into memory when the system allows.

use std::ptr::NonNull;

use zeroize::Zeroize;

/// Memory for a secret could not be mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no memory for a secret of {len} bytes")]
pub struct AllocError {
    /// Bytes that were asked for.
    pub len: usize,
}

/// Whole pages, zeroed at first and zeroized before they are unmapped.
pub(crate) struct Region {
    start: NonNull<u8>,
    len: usize,
    locked: bool,
}

// SAFETY: a region owns its pages alone; shared access is read-only, changing them takes `&mut`.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Maps at least `len` bytes.
    pub(crate) fn map(len: usize) -> Result<Self, AllocError> {
        let refused = AllocError { len };
        let page = page_size();
        let len = len.max(1).checked_next_multiple_of(page).ok_or(refused)?;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory in use.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(refused);
        }
        let start = NonNull::new(address.cast::<u8>()).ok_or(refused)?;
        // SAFETY: the range was mapped just above; neither advice nor locking changes its contents here. A kernel
        // that refuses either leaves the memory usable: the caller can see `locked`.
        let locked = unsafe {
            libc::madvise(address, len, libc::MADV_DONTDUMP);
            libc::madvise(address, len, libc::MADV_WIPEONFORK);
            libc::mlock(address, len) == 0
        };
        Ok(Self { start, len, locked })
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn locked(&self) -> bool {
        self.locked
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is valid for `len` initialised (zeroed) bytes until drop, and nobody writes while `&self` lives.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        // SAFETY: the range is ours, mapped by `map`, and no reference into it outlives `self`. Unmapping unlocks.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.len);
        }
    }
}

fn page_size() -> usize {
    // SAFETY: `sysconf` only reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|s| s.is_power_of_two()).unwrap_or(4096)
}
