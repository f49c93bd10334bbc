//! Fixed-length values with a meaning.

use std::fmt;

use minicbor::{Decode, Encode};

macro_rules! bytes {
    ($(#[$meta:meta])* $name:ident, $len:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

bytes! {
    /// Names a set of shares through all its epochs. Random.
    SetId, 16
}

bytes! {
    /// SHA-256 of a manifest's bytes: names one epoch of one set, and all that is said of it.
    ManifestDigest, 32
}

bytes! {
    /// A blinded commitment: SHA-256 over what it is of, 32 random bytes and the value.
    Commitment, 32
}

bytes! {
    /// A point of a curve, compressed (SEC 1 §2.3.3); never the point at infinity.
    Point, 33
}
