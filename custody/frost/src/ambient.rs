//! Randomness, injected. Time is an argument of each call that needs it.

/// A cryptographically secure source of random bytes.
pub trait Random {
    /// Fills the buffer.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails; the buffer is not used then.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError>;
}

impl<F: FnMut(&mut [u8]) -> Result<(), RandomError>> Random for F {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self(buffer)
    }
}

/// The random source failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the random source failed")]
pub struct RandomError;
