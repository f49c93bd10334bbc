//! Keys in PKCS#11 tokens (OASIS PKCS #11 v3.1), through cryptoki.
//!
//! A fixed number of threads each own one logged-in session and serve a bounded queue. Keys are found by CKA_ID and class,
//! never by slot or label, and their public halves are checked by fingerprint when they are loaded; after that a signature is
//! one sign operation on the token: no search, no login, no attribute is read. What the token can do is found out by
//! trial when it is opened.
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
mod link;
mod low_s;
mod mechanism;
mod module;
mod pool;
mod probe;
mod provision;
mod public_key;
mod recovery;
mod replica;
mod token;
mod usage;
mod watch;
mod wrapping;

pub use backend::Pkcs11Backend;
pub use config::{Config, LoginStep, LoginWatch, OpenError, TokenSelector};
pub use group_key::{GroupToken, install_group_key};
pub use input::{INPUT_LEN_MAX, RANDOM_LEN_MAX};
pub use provision::find_or_init_token;
