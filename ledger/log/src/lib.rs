//! The embedded ledger: sequencing, checkpoints, proofs
