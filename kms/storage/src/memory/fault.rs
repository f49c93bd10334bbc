//! Faults to inject into commits.

use hufu_core::changeset::Changeset;

/// What is to befall a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It fails for certain before the group is sealed.
    NotCommitted,
    /// It fails for certain after the group was sealed: the segment that the sealer made is lost.
    NotCommittedAfterSealing,
    /// It takes effect, and the caller does not learn so.
    UnknownApplied,
    /// It takes no effect, and the caller does not learn so.
    UnknownNotApplied,
}

/// Decides what is to befall each commit; a closure will do.
pub trait FaultPlan: Send {
    /// Asked once a commit, before it takes effect.
    fn decide(&mut self, batch: &[Changeset]) -> Fault;
}

impl<F: FnMut(&[Changeset]) -> Fault + Send> FaultPlan for F {
    fn decide(&mut self, batch: &[Changeset]) -> Fault {
        self(batch)
    }
}
