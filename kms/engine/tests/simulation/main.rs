//! A seeded, single-threaded simulation of engine, journal, sequencer and reconciler over a failing database, a failing
//! token and crashes at any await, judged by an oracle that knows the rules by itself.
//!
//! `HUFU_SIM_SEED=n` tells one story again, `HUFU_SIM_SEEDS=n` tells more of them.

#![cfg(test)]

mod client;
mod oracle;
mod request;
mod stories;
mod story;

#[expect(dead_code, reason = "the tests of use cases need the rest of it")]
#[path = "../common/mod.rs"]
mod common;
