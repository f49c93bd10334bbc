//! The type in which secrets travel.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::arena::{SLOT_LEN, Slot};
use crate::region::{AllocError, Region};

/// Bytes that must not leak: kept out of core dumps and children, locked into memory where the limits allow
/// ([`SecretBytes::is_locked`]), zeroized on drop, compared in constant time, shown by nothing.
///
/// It is no `Clone` and no `Copy`: share it by `Arc`.
///
/// ```compile_fail
/// let secret = hufu_secret::SecretBytes::from_slice(b"x");
/// let other = secret.clone();
/// ```
/// ```compile_fail
/// fn copied<T: Copy>(_: T) {}
/// copied(hufu_secret::SecretBytes::from_slice(b"x"));
/// ```
/// ```compile_fail
/// println!("{}", hufu_secret::SecretBytes::from_slice(b"x"));
/// ```
/// ```compile_fail
/// fn serialized<T: serde::Serialize>(_: T) {}
/// serialized(hufu_secret::SecretBytes::from_slice(b"x"));
/// ```
/// ```compile_fail
/// fn hex(_: impl AsRef<[u8]>) {}
/// hex(hufu_secret::SecretBytes::from_slice(b"x"));
/// ```
pub struct SecretBytes {
    storage: Storage,
    len: usize,
}

enum Storage {
    Slot(Slot),
    Pages(Region),
    /// Only when the system maps no more pages: zeroized, but neither locked nor kept out of dumps.
    Heap(Box<[u8]>),
}

impl SecretBytes {
    /// Copies a slice. The source is the caller's to zeroize.
    ///
    /// When no page can be mapped it falls back to the heap, and [`SecretBytes::is_locked`] says so.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        let mut secret = Self::zeroed(bytes.len());
        secret.expose_mut().copy_from_slice(bytes);
        secret
    }

    /// Takes a vector's bytes and zeroizes the vector, its spare capacity too.
    #[must_use]
    pub fn from_vec(mut bytes: Vec<u8>) -> Self {
        let secret = Self::from_slice(&bytes);
        bytes.zeroize();
        secret
    }

    /// `len` zero bytes, to be filled through [`SecretBytes::expose_mut`].
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        Self::try_zeroed(len)
            .unwrap_or_else(|_| Self { storage: Storage::Heap(vec![0; len].into_boxed_slice()), len })
    }

    /// As [`SecretBytes::zeroed`], without the heap to fall back to.
    ///
    /// # Errors
    /// [`AllocError`] when no page can be mapped.
    pub fn try_zeroed(len: usize) -> Result<Self, AllocError> {
        if len <= SLOT_LEN
            && let Some(slot) = Slot::take()
        {
            return Ok(Self { storage: Storage::Slot(slot), len });
        }
        Ok(Self { storage: Storage::Pages(Region::map(len)?), len })
    }

    /// The secret itself: look at it for as short a time as can be, and copy it nowhere.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        let all = match &self.storage {
            Storage::Slot(slot) => slot.bytes(),
            Storage::Pages(region) => region.bytes(),
            Storage::Heap(bytes) => bytes,
        };
        // INVARIANT: every storage is made with at least `len` bytes.
        all.get(..self.len).unwrap_or_default()
    }

    /// The secret itself, to be filled or changed.
    #[must_use]
    pub fn expose_mut(&mut self) -> &mut [u8] {
        let all = match &mut self.storage {
            Storage::Slot(slot) => slot.bytes_mut(),
            Storage::Pages(region) => region.bytes_mut(),
            Storage::Heap(bytes) => bytes,
        };
        // INVARIANT: as in `expose`.
        all.get_mut(..self.len).unwrap_or_default()
    }

    /// Shortens it to at most `len` bytes and zeroizes the rest.
    pub fn truncate(&mut self, len: usize) {
        if let Some(rest) = self.expose_mut().get_mut(len..) {
            rest.zeroize();
            self.len = len;
        }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the memory can never be swapped out. False where `RLIMIT_MEMLOCK` is used up.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        match &self.storage {
            Storage::Slot(slot) => slot.locked(),
            Storage::Pages(region) => region.locked(),
            Storage::Heap(_) => false,
        }
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        // Slots and regions zeroize themselves.
        if let Storage::Heap(bytes) = &mut self.storage {
            bytes.zeroize();
        }
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes([redacted])")
    }
}

impl ConstantTimeEq for SecretBytes {
    /// Takes a time that depends on the lengths alone.
    fn ct_eq(&self, other: &Self) -> Choice {
        self.expose().ct_eq(other.expose())
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for SecretBytes {}
