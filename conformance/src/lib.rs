//! Conformance suites of the seams, as a library: each adapter runs the suite of the seam that it fills.

pub mod backend;
pub mod store;
