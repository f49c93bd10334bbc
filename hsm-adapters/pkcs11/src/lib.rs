//! Keys in PKCS#11 tokens (OASIS PKCS #11 v3.1), through cryptoki.
//!
//! A fixed number of threads each own one logged-in session and serve a bounded queue. Keys are found by CKA_ID and class,
//! never by slot or label, and their public halves are checked by fingerprint when they are loaded; after that a signature is
//! one sign operation on the token: no search, no login, no attribute is read. What the token can do is found out by
//! trial when it is opened; a [`VendorProfile`] tells beforehand how its vendor departs from the standard.
//!
//! Randomness comes from the token: keys, nonces and salts are its own.

mod attributes;
mod backend;
mod breaker;
mod codes;
mod config;
mod credentials;
mod crew;
mod fault;
mod generate;
mod group_key;
mod import;
mod input;
mod keys;
mod library;
mod link;
mod low_s;
mod mechanism;
mod module;
mod peer;
mod pool;
mod probe;
mod provision;
mod public_key;
mod recovery;
mod replica;
mod sm2;
mod token;
mod token_info;
mod usage;
mod vendor;
mod watch;
mod wrapping;

pub use backend::Pkcs11Backend;
pub use config::{Config, LoginStep, LoginWatch, OpenError, TokenSelector};
pub use group_key::{GroupToken, install_group_key};
pub use input::{INPUT_LEN_MAX, RANDOM_LEN_MAX};
pub use provision::find_or_init_token;
pub use token::TokenView;
pub use token_info::TokenInfo;
pub use vendor::{INIT_STRING_LEN_MAX, PROFILE_LEN_MAX, ProfileError, VendorProfile, check_init_string};
