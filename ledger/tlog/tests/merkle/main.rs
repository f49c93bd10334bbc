//! Trees and proofs judged by the definitions of RFC 6962; tampering; random input.

#![cfg(test)]
#![expect(clippy::cast_possible_truncation, reason = "trees in tests are small")]

mod reference;
mod tamper;
mod tree;
