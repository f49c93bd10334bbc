//! End-to-end tests and benches on SoftHSM
