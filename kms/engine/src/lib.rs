//! Use cases of the key management service.
//!
//! Each use case decides purely, calls the backend where it must, and returns what the journal shall commit. Nothing is
//! spawned here, and nothing is written but through the journal.

pub mod api;
