//! Rust client of the key management service Hufu, and the offline verifiers of its ledger and of its keys' attestations.
//!
//! ```no_run
//! # async fn example() -> Result<(), hufu_sdk::Error> {
//! use hufu_sdk::{Client, Data, KeyRef, NewKey, Profile, v1};
//!
//! let client = Client::new(&Profile::load("hufu-data/profiles/admin.toml")?)?;
//! client.create_key(NewKey::new("release", v1::Algorithm::P256, v1::Protection::Hsm)).await?;
//!
//! let key: KeyRef = "release".parse()?;
//! let signed = client.sign(&key, Data::Message(b"hello"), v1::SignatureFormat::Der).await?;
//! println!("{} signed with {} bytes", signed.key_version, signed.signature.len());
//! # Ok(())
//! # }
//! ```
//!
//! Messages are those of [`v1`]; their documentation says what each field means. Calls that change something carry a
//! random request id and are repeated on their own when the service or the connection fails for a moment; what they
//! answer then is the outcome of the one change. Uses of keys are repeated only when the service says that it has
//! done nothing, and once when it says that it has withheld the output. Everything has a time limit: [`Client::with_timeout`].

pub mod attestation;
mod audit;
mod ceremonies;
mod client;
mod crypto;
mod deposits;
mod error;
mod keys;
mod ledger;
mod mandates;
mod names;
pub mod offline;
mod own_certificate;
mod pages;
mod profile;
mod request_id;
mod retry;
mod shares;
mod system;
mod transfer;
mod unseal;
mod versions;
mod wire;
mod words;

pub use audit::{AuditFilter, AuditSegments};
pub use client::Client;
pub use crypto::{Data, DataKey, Decapsulated, Decrypted, Derivation, Derived, Encapsulated, Random};
pub use deposits::{DEPOSIT_LEN_MAX, DepositSecret, NewDeposit, recovered_key};
pub use error::Error;
pub use hufu_proto::v1;
pub use hufu_secret::SecretBytes;
pub use keys::{KeyChange, NewKey};
pub use mandates::{Requester, Terms};
pub use names::KeyRef;
pub use pages::Pages;
pub use profile::{Profile, ProfileError};
pub use prost_types::Timestamp;
pub use transfer::NewImport;
pub use wire::{instant, seconds};
pub use words::{UnknownWord, Word};

/// Longest message, plaintext or MAC input that the service takes: 1 MiB.
pub const INPUT_LEN_MAX: usize = 1 << 20;

/// Longest additional data that the service takes: 64 KiB.
pub const ADDITIONAL_DATA_LEN_MAX: usize = 64 << 10;
