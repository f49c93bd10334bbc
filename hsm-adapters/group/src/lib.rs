//! Several devices behind one protection: those that hold different keys ([`Devices`]), and tokens that hold the same ones
//! ([`Group`]).
//!
//! Time is that of the operating system: deadlines are shared out among tokens.

mod common;
mod create;
mod devices;
mod group;
mod late;
mod level;
mod member;
mod spread;
#[cfg(test)]
mod tests;

pub use devices::Devices;
pub use group::{Group, GroupConfig, GroupError, Replication};
pub use late::Late;
