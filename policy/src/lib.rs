//! Authorization: who may do what, decided purely, and the cache that keeps decisions off the hot path.
//!
//! [`RolePolicies`] is the policy set of this release: four fixed roles, default deny. [`CachedPolicies`] decorates any
//! [`hufu_core::policy::PolicyEngine`] with decisions that are checked against the change feed on every hit. The golden
//! decisions in `golden/roles.txt` say what every role may do; a test compares them completely.

mod cached;
mod roles;

pub use cached::{CachedPolicies, DECISIONS_MAX};
pub use roles::RolePolicies;
