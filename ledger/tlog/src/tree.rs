//! Shape of the tree (RFC 6962 §2.1): which complete nodes make up a range of leaves, and which
//! ranges make up a proof.

use alloc::vec::Vec;

use crate::error::TreeError;

/// Largest tree size. Other implementations count in signed 64-bit integers.
pub const SIZE_MAX: u64 = i64::MAX as u64;

/// A complete node: the hash over leaves `index << level .. (index + 1) << level`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) level: u32,
    pub(crate) index: u64,
}

/// Leaves `start..end` that are one subtree: `start` is a multiple of the power of two at or above
/// `end - start`. The subtree is complete unless it lies on the right edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Subtree {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Subtree {
    pub(crate) fn whole(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    /// The complete nodes the subtree is made of, left to right, ever smaller. Its hash is theirs
    /// folded from the right.
    pub(crate) fn nodes(self) -> impl Iterator<Item = Node> {
        let mut start = self.start;
        core::iter::from_fn(move || {
            let level = self.end.checked_sub(start)?.checked_ilog2()?;
            let node = Node { level, index: start >> level };
            start += 1 << level;
            Some(node)
        })
    }

    fn len(self) -> u64 {
        self.end - self.start
    }

    /// Where RFC 6962 §2.1 splits it: after the largest power of two below its length.
    fn split(self) -> (Self, Self) {
        let middle = self.start + (1 << (self.len() - 1).ilog2());
        (Self { start: self.start, end: middle }, Self { start: middle, end: self.end })
    }
}

/// The subtrees whose hashes are the audit path PATH(index, D\[size\]) (RFC 6962 §2.1.1).
pub(crate) fn inclusion_subtrees(index: u64, size: u64) -> Result<Vec<Subtree>, TreeError> {
    check_size(size)?;
    if index >= size {
        return Err(TreeError::IndexOutOfRange { index, size });
    }
    let mut at = Subtree::whole(size);
    let mut path = Vec::new();
    while at.len() > 1 {
        let (left, right) = at.split();
        let (next, sibling) = if index < left.end { (left, right) } else { (right, left) };
        path.push(sibling);
        at = next;
    }
    path.reverse();
    Ok(path)
}

/// The subtrees whose hashes are PROOF(old, D\[new\]) (RFC 6962 §2.1.2). Empty if the sizes are
/// equal or the older tree is empty.
pub(crate) fn consistency_subtrees(old: u64, new: u64) -> Result<Vec<Subtree>, TreeError> {
    check_size(new)?;
    if old > new {
        return Err(TreeError::SizesReversed { old, new });
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    let mut at = Subtree::whole(new);
    let mut path = Vec::new();
    while at.end != old {
        let (left, right) = at.split();
        let (next, sibling) = if old <= left.end { (left, right) } else { (right, left) };
        path.push(sibling);
        at = next;
    }
    // Whoever holds the older root knows this subtree already if it is the older tree itself.
    if at.start != 0 {
        path.push(at);
    }
    path.reverse();
    Ok(path)
}

pub(crate) fn check_size(size: u64) -> Result<(), TreeError> {
    if size > SIZE_MAX { Err(TreeError::TooLarge) } else { Ok(()) }
}
