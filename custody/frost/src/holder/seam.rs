//! What a holder asks of the process around it.

/// Verifies requesters' signatures: P-256, Ed25519, SM2 or what else the process knows.
pub trait VerifySignature {
    /// Whether `signature` over `signed` is by the key that the policy pins, in whatever form the policy pins it.
    /// Anything malformed or unknown means no.
    fn verifies(&self, public_key: &[u8], signed: &[u8], signature: &[u8]) -> bool;
}
