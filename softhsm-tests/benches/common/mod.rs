//! What the benches share: load, what it costs the server, and tables of both.

pub(crate) mod load;
pub(crate) mod output;
pub(crate) mod pace;
pub(crate) mod process;
