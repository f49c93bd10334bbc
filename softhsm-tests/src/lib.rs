//! The harness of the end-to-end tests: real programs, a scratch SoftHSM token each, nothing shared.
//!
//! Tests start `hufud` as an operator does, talk to it through `hufu`, the SDK or hand-made requests, and let other
//! programs judge what comes out. Whatever is started ends with its test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test harness fails the test by panicking, and says what it skips"
)]

mod chance;
mod cli;
mod config;
mod council;
mod daemon;
mod database;
mod faults;
mod openssl;
mod postgres;
mod programs;
mod raw;
mod refusal;
mod replica;
mod strace;
mod token;
mod tool;
mod trail;
mod wire;
mod witness;

pub use chance::Chance;
pub use cli::{Cli, Run};
pub use config::{ConfigBuilder, Storage};
pub use council::Council;
pub use daemon::{Daemon, Stopped, wait_until};
pub use database::Database;
pub use faults::{FaultCall, Faults};
pub use openssl::{ForeignKey, openssl, openssl_ok};
pub use postgres::{ScratchSchema, scratch_postgres};
pub use programs::{hsm_worker, hufu, hufud};
pub use raw::{Body, Raw, raw_channel};
pub use refusal::{Refusal, refusal};
pub use replica::{Deployment, Replica};
pub use strace::{Strace, Syscall};
pub use token::token_ids;
pub use tool::{Tool, softhsm_module, token_objects};
pub use trail::{Trail, TrailRecord};
pub use wire::Wire;
pub use witness::LogWitness;
