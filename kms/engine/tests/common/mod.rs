//! A small world around the engine: time, chance, a token, a database and a place outside it, all simulated.

pub(crate) mod ambient;
pub(crate) mod backend;
pub(crate) mod hazards;
pub(crate) mod holders;
pub(crate) mod opener;
pub(crate) mod outside;
pub(crate) mod real;
pub(crate) mod server;
pub(crate) mod split;
pub(crate) mod store;
pub(crate) mod token;
pub(crate) mod world;
