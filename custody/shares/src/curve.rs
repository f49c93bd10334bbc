//! Curves whose scalars are shared.

use minicbor::{Decode, Encode};

/// A curve. Both have prime order, scalars of 32 bytes and compressed points of 33.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Curve {
    /// P-256 (SP 800-186 §3.2.1.3).
    #[n(1)]
    P256,
    /// The curve of SM2 (GB/T 32918.5).
    #[n(2)]
    Sm2,
}
