//! Keys in and out, through the command and the API, with OpenSSL as the other side.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod export;
mod import;
mod outside;
mod wrapping;
