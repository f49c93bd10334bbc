//! What may happen to a key, decided purely: the state table and the usage table of SP 800-57pt1r5 §7,
//! until when keys are made, and which may leave.

mod leaving;
mod retirement;
mod sharing;
mod transition;
mod usage;

pub use leaving::{may_be_made_to_leave, may_leave};
pub use retirement::{Retirement, may_make};
pub use sharing::{Custody, MEMBERS_MAX, custody, may_be_shared};
pub use transition::{Event, transition};
pub use usage::{Usage, may_use};
