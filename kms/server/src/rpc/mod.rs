//! The services: one handler a method, and what every call goes through.

mod audit;
mod budget;
mod call;
mod ceremony;
mod crypto;
mod deadline;
mod deposits;
mod dispatch;
mod edge;
mod health;
mod holder;
mod keys;
mod ledger;
mod method;
mod share_sets;
mod shares;
mod system;
mod transfer;
mod unseal;
mod versions;

pub use call::Call;
pub use dispatch::{Dispatch, dispatch};
pub(crate) use dispatch::{documented, stranger};
pub use edge::Edge;
pub(crate) use health::{report_draining, watch_health, watch_state};
pub use method::Method;
pub(crate) use shares::Shares;
