//! What everything rests on: the root key, what it wraps, and the tags that make rows trustworthy.

mod bootstrap;
mod generations;
mod integrity;
mod keeper;
mod keyring;
mod moving;
mod next_master;
mod root;

pub use bootstrap::{BeforeFirst, Bootstrap, Foundation, FoundationError, lay_foundation};
pub(crate) use bootstrap::{LOG_KEY, ROOT_KEY, log_key, root_key};
pub use generations::Renewal;
pub use integrity::Integrity;
pub use keeper::{RootKeeper, RootReport};
pub use keyring::Keyring;
pub use moving::MoveStep;
pub use root::RootToken;
