//! Sequencer and ledger over the journal and a store in memory: faults, rivals, restarts, a database set back.

#![cfg(test)]

mod faults;
mod heads;
mod lease;
mod outside;
mod reading;
mod running;
mod world;
