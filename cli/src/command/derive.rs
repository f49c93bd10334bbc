use std::path::PathBuf;

use clap::Args;
use hufu_sdk::{Derivation, KeyRef, offline, v1};

use crate::{
    app::App,
    args::word,
    failure::Failure,
    input,
    sink::{self, Access},
    view::used::UsedView,
};

/// Longest public key file that is read, in bytes.
const PEER_LEN_MAX: usize = 16 << 10;

/// Longest salt and info that the service takes, in bytes.
const INFO_LEN_MAX: usize = 1024;

#[derive(Debug, Args)]
pub(crate) struct Derive {
    /// Key or version; its purpose is to agree
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// The peer's public key, in PEM
    #[arg(long, value_name = "FILE")]
    peer: PathBuf,
    /// How the key is derived from what both share
    #[arg(long, value_parser = word::<v1::Kdf>(), ignore_case = true)]
    kdf: v1::Kdf,
    /// What the key is for and between whom: at most 1024 bytes
    #[arg(long, value_name = "FILE")]
    info: Option<PathBuf>,
    /// The salt of hkdf-sha256: at most 1024 bytes
    #[arg(long, value_name = "FILE")]
    salt: Option<PathBuf>,
    /// Length of the derived key
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024))]
    bytes: u32,
    /// Where the derived key goes as raw bytes; a file is readable by its owner only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Derive {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let peer = offline::public_key_from_pem(&input::read(&self.peer, PEER_LEN_MAX, "a public key")?)?;
        let optional = |path: &Option<PathBuf>, what: &str| match path {
            Some(path) => input::read(path, INFO_LEN_MAX, what),
            None => Ok(Default::default()),
        };
        let (salt, info) = (optional(&self.salt, "a salt")?, optional(&self.info, "an info")?);
        let derivation = Derivation { kdf: self.kdf, salt: &salt, info: &info, length_bytes: self.bytes };
        let derived = app.client()?.derive_shared_secret(&self.key, &peer, derivation).await?;
        sink::write(&self.out, &derived.secret, Access::Secret)?;
        let scheme = v1::Scheme::Unspecified;
        let view = UsedView::new("derived", &derived.key_version, scheme, derived.protection, derived.simulated);
        app.remark(&self.out, &view)
    }
}
