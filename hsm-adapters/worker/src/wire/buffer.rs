//! Frames on their way out.

use std::convert::Infallible;

use minicbor::Encoder;
use minicbor::encode::Error;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a frame besides its messages, keys and texts.
const FRAME_OVERHEAD: usize = 1_024;
/// Length of the number before each frame.
const PREFIX_LEN: usize = 4;

/// Frames, one after the other, in memory that is zeroized when it is given up.
#[derive(Default)]
pub struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// Appends a frame. `payload_len` is at least the length of everything in it that has no fixed length.
    pub fn frame(
        &mut self,
        payload_len: usize,
        write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), Error<Infallible>>,
    ) {
        self.reserve(payload_len.saturating_add(FRAME_OVERHEAD));
        let start = self.0.len();
        self.0.extend_from_slice(&[0; PREFIX_LEN]);
        let written = write(&mut Encoder::new(&mut self.0));
        debug_assert!(written.is_ok(), "writing to a vector cannot fail");
        let len = self.0.len().saturating_sub(start + PREFIX_LEN);
        let prefix = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        if let Some(place) = self.0.get_mut(start..start + PREFIX_LEN) {
            place.copy_from_slice(&prefix);
        }
    }

    /// A vector that grows by itself would leave a copy of its bytes behind.
    fn reserve(&mut self, further: usize) {
        let needed = self.0.len().saturating_add(further);
        if needed <= self.0.capacity() {
            return;
        }
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2))));
        larger.extend_from_slice(&self.0);
        self.0 = larger;
    }

    /// What is in it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Zeroizes what was used and keeps the memory, unless it has become large.
    pub fn clear(&mut self) {
        const KEPT_LEN_MAX: usize = 1 << 20;
        if self.0.capacity() > KEPT_LEN_MAX {
            self.0 = Zeroizing::default();
        } else {
            self.0.as_mut_slice().zeroize();
            self.0.clear();
        }
    }
}
