//! Where secrets come from: randomness, injected.

/// A cryptographically secure source of random bytes.
pub trait Rng: Send + Sync + 'static {
    /// Fills the buffer.
    ///
    /// # Errors
    /// [`RngError`] when the source fails; the buffer must not be used then.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError>;
}

/// The random source failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the random source failed")]
pub struct RngError;

/// Draws a fixed number of random bytes.
///
/// # Errors
/// [`RngError`] when the source fails.
pub fn random_array<const N: usize>(rng: &dyn Rng) -> Result<[u8; N], RngError> {
    let mut bytes = [0; N];
    rng.fill(&mut bytes)?;
    Ok(bytes)
}
