//! Conformance suites of the seams, as a library
