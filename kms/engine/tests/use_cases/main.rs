//! The use cases, one after another, in a calm world.

#![cfg(test)]

mod agreement;
mod among;
mod arrival;
mod bad_shares;
mod ceremonies;
mod deposit_recovery;
mod deposits;
mod encapsulation;
mod executed;
mod holder;
mod idempotence;
mod levelling;
mod lifecycle;
mod limits;
mod lists;
mod only;
mod random;
mod recovery;
mod requests;
mod resharing;
mod rewrap;
mod root_renewal;
mod root_shares;
mod root_transcripts;
mod roots;
mod sign_once;
mod tampering;
mod trail;
mod transfer;

#[expect(dead_code, reason = "the simulation uses the rest of it")]
#[path = "../common/mod.rs"]
mod common;
