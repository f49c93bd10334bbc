//! Fixed-length values with a meaning.

use hufu_custodian::fixed_bytes;

fixed_bytes! {
    /// Names a set of shares through all its epochs. Random.
    SetId, 16
}

fixed_bytes! {
    /// SHA-256 of a manifest's bytes: names one epoch of one set, and all that is said of it.
    ManifestDigest, 32
}

fixed_bytes! {
    /// A blinded commitment: SHA-256 over what it is of, 32 random bytes and the value.
    Commitment, 32
}

fixed_bytes! {
    /// A point of a curve, compressed (SEC 1 §2.3.3); never the point at infinity.
    Point, 33
}
