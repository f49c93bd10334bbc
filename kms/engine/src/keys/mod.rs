//! The life of keys: create, read, update, rotate, and every change of a version's state.

pub(crate) mod among;
mod change;
mod create;
mod material;
mod read;
mod replay;
mod rotate;
mod staging;
mod update;
pub(crate) mod validate;

pub(crate) use among::Leave;
pub(crate) use create::capabilities_of;
pub(crate) use material::{Attempt, Making, shared, still_wraps};
pub(crate) use read::{page_size, page_token_invalid};
pub(crate) use replay::CEREMONY_METHOD;
pub(crate) use staging::Staging;
