//! From configuration to concrete adapters: the only crate that names them.
//!
//! [`Config`] says what a deployment consists of; [`open`] builds it, checks it and starts its background work; the
//! [`Service`] that comes out is what the daemon serves.

mod ambient;
mod ceremonies;
mod config;
mod dev;
mod files;
mod guard;
mod holder;
mod hsm;
mod identities;
mod init;
mod open;
mod opener;
mod outside;
mod pin;
mod production;
mod retire;
mod roots;
mod service;
mod split_root;
mod tasks;
mod threshold;

pub use config::{
    Config, ConfigError, CustodiansConfig, GroupConfig, HolderConfig, Isolation, LedgerConfig, Mode, PinSource,
    PrincipalConfig, ReplicationConfig, RootConfig, ServerConfig, StorageConfig, TlsConfig, TokenConfig, TpmConfig,
    VerifyConfig,
};
pub use dev::{DevOptions, enter_dev};
pub use hufu_engine::{MoveStep, Renewal, RootReport};
pub use hufu_sealed::{Opened, UnsealError, Unsealing, Waiting};
pub use hufu_shares::{ManifestDigest, SignedManifest};
pub use identities::active_pins;
pub use init::{Begun, Splitting, init};
pub use open::{Adapters, Error, open, open_decorated};
pub use opener::{SHARE_OPENER, open_shares};
pub use roots::RootAdmin;
pub use service::{Service, TlsMaterial};
pub use split_root::SplitRoot;
pub use threshold::{LinkConfig, ThresholdConfig};
