//! Assessment of a PKCS#11 token before it is admitted (ITU-T X.1411 §8.3 b, c): what it claims and what holds, whether it enforces
//! attributes, its limits, what it does under concurrent use and after its sessions died, how fast it is, and how good its
//! random numbers are. A verdict with reasons, and a report for people and for programs.
//!
//! It writes to the token: keys under random identities, labelled `hufu-…`, which are destroyed at the end, also after a failure.
//! The PIN is given to the backend, which presents it once and, if it was right, again after the deaths that are tried.
//!
//! The random source of the host draws identities and messages; the statistics are those of `hufu-entropy`.

mod ambient;
mod error;
mod group_key;
mod keys;
mod plan;
mod random;
mod raw;
mod recovery;
pub mod report;
mod run;
mod speed;
mod tracked;
mod verdict;

pub use error::{Error, Left};
pub use group_key::{GroupToken, install_group_key};
pub use hufu_pkcs11::{OpenError, PROFILE_LEN_MAX, ProfileError, VendorProfile, check_init_string};
pub use hufu_secret::SecretBytes;
pub use plan::{Plan, Selector};
pub use run::assess;
