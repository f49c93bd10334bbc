//! What is acknowledged is on the disk before it is acknowledged, and a disk that fails loses nothing of it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "../crash/book.rs"]
mod book;
mod failing_disk;
#[path = "../crash/judge.rs"]
mod judge;
#[path = "../crash/load.rs"]
mod load;
mod order;
