//! Custodians: their keys, the roster, what is signed by them and sealed to them.
