//! Proofs of any shape, for trees of any claimed size, are judged without panic. One that is accepted
//! must not survive a changed root.
#![no_main]

use hufu_tlog::{Hash, verify_consistency, verify_inclusion};
use libfuzzer_sys::fuzz_target;

/// Sizes, roots, and the proof: `(first, second, one, other, proof)`.
type Claim = (u64, u64, [u8; 32], [u8; 32], Vec<[u8; 32]>);

fuzz_target!(|claim: Claim| {
    let (first, second, one, other, proof) = claim;
    let proof: Vec<_> = proof.into_iter().map(Hash).collect();
    let (one, other) = (Hash(one), Hash(other));
    let mut changed = other;
    changed.0[0] ^= 1;
    if verify_inclusion(&one, first, second, &proof, &other).is_ok() {
        assert!(verify_inclusion(&one, first, second, &proof, &changed).is_err());
    }
    if first > 0 && verify_consistency(first, &one, second, &other, &proof).is_ok() {
        assert!(verify_consistency(first, &one, second, &changed, &proof).is_err());
    }
});
