//! Checking of proofs (RFC 9162 §2.1.3.2 and §2.1.4.2; the trees are those of RFC 6962).
//!
//! These walk the bits of index and size and share nothing with the code that makes proofs.

use crate::error::ProofError;
use crate::hash::{Hash, empty_root, node_hash};

/// Longest proof that a tree can have: one hash a level of a tree below 2^63 leaves, and one more.
pub const PROOF_LEN_MAX: usize = 64;

/// Checks that the leaf with this hash is at `index` in the tree of `size` leaves with this root.
///
/// # Errors
/// [`ProofError`] says what does not fit.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let mut climb = Climb { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match climb.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    climb.finish()?;
    same_root(&hash, root)
}

/// Checks that the tree of `new_size` leaves extends the one of `old_size`. Every tree extends the
/// empty one, and itself, with an empty proof.
///
/// # Errors
/// [`ProofError`] says what does not fit.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Range);
    }
    if old_size == 0 || old_size == new_size {
        let known = if old_size == 0 { empty_root() } else { *new_root };
        same_root(old_root, &known)?;
        return if proof.is_empty() { Ok(()) } else { Err(ProofError::Length) };
    }
    // A power of two is a node of the new tree: the walk starts from the old root itself.
    let (first, rest) =
        if old_size.is_power_of_two() { (old_root, proof) } else { proof.split_first().ok_or(ProofError::Length)? };
    let mut climb = Climb::from_old_edge(old_size, new_size);
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        match climb.step()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    climb.finish()?;
    same_root(&old, old_root)?;
    same_root(&new, new_root)
}

/// On which side the sibling is.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: the node's index and that of the last node in its level, which
/// RFC 9162 calls `fn` and `sn`.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Starts at the largest complete node on the right edge of the old tree.
    fn from_old_edge(old_size: u64, new_size: u64) -> Self {
        let up = (old_size - 1).trailing_ones();
        Self { node: (old_size - 1) >> up, last: (new_size - 1) >> up }
    }

    /// Goes up past one sibling.
    fn step(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let left = self.node & 1 == 1 || self.node == self.last;
        if left && self.node & 1 == 0 {
            // On the right edge there are levels without a sibling.
            let up = self.node.trailing_zeros();
            self.node = self.node.checked_shr(up).unwrap_or(0);
            self.last = self.last.checked_shr(up).unwrap_or(0);
        }
        self.node >>= 1;
        self.last >>= 1;
        Ok(if left { Side::Left } else { Side::Right })
    }

    fn finish(&self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::Length) }
    }
}

fn same_root(computed: &Hash, expected: &Hash) -> Result<(), ProofError> {
    if computed == expected { Ok(()) } else { Err(ProofError::Root) }
}
