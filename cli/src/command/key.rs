use std::path::PathBuf;

use clap::{Args, Subcommand};
use hufu_sdk::{Client, KeyRef, v1};

use super::{key_create::Create, key_create::Update, key_life, key_transfer, key_without_version};
use crate::{
    app::App,
    args::limit,
    failure::Failure,
    output::Output,
    sink::{self, Access},
    view::{key::KeyListView, key::KeyView, public::PublicKeyView, version::VersionView},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a key and its first version
    Create(Create),
    /// List keys
    List(List),
    /// Show a key and its versions, or one version
    Show(Show),
    /// Change labels, description or rotation period
    Update(Update),
    /// Make a new version, which becomes the primary one
    Rotate(Rotate),
    /// Pre-active to active
    Activate(key_life::Activate),
    /// Active to suspended
    Suspend(key_life::Suspend),
    /// Suspended to active
    Resume(key_life::Resume),
    /// Revoke a version: once it is answered, nothing more is released that the version made
    Revoke(key_life::Revoke),
    /// Have a version destroyed after a delay
    ScheduleDestroy(key_life::ScheduleDestroy),
    /// Take a scheduled destruction back
    CancelDestroy(key_life::CancelDestroy),
    /// Write the public key: a PEM SubjectPublicKeyInfo
    Public(Public),
    /// Bring a key in that was made elsewhere
    Import(key_transfer::Import),
    /// Import in two steps, for two people or a machine without a network
    #[command(subcommand)]
    ImportJob(key_transfer::ImportJob),
    /// Wrap a key for an import job; needs no service
    WrapForImport(key_transfer::WrapForImport),
    /// Wrap a secret key under another key of the service
    Wrap(key_transfer::Wrap),
    /// Make a key of what `wrap` wrote
    Unwrap(key_transfer::Unwrap),
    /// Give a key out, wrapped for the holder of an RSA key
    Export(key_transfer::Export),
    /// Open what `export` wrote, with the receiver's private key; needs no service
    UnwrapExport(key_transfer::UnwrapExport),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = limit())]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// At most this many versions, the newest first
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Key
    #[arg(value_name = "NAME", value_parser = key_without_version)]
    key: KeyRef,
    #[cfg(feature = "custodian")]
    #[command(flatten)]
    requester: super::requester::Requester,
}

#[derive(Debug, Args)]
pub(crate) struct Public {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// Where it goes
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run(app).await,
            Self::List(command) => command.run(app).await,
            Self::Show(command) => command.run(app).await,
            Self::Update(command) => command.run(app).await,
            Self::Rotate(command) => command.run(app).await,
            Self::Activate(command) => command.run(app).await,
            Self::Suspend(command) => command.run(app).await,
            Self::Resume(command) => command.run(app).await,
            Self::Revoke(command) => command.run(app).await,
            Self::ScheduleDestroy(command) => command.run(app).await,
            Self::CancelDestroy(command) => command.run(app).await,
            Self::Public(command) => command.run(app).await,
            Self::Import(command) => command.run(app).await,
            Self::ImportJob(command) => command.run(app).await,
            Self::WrapForImport(command) => command.run(app),
            Self::Wrap(command) => command.run(app).await,
            Self::Unwrap(command) => command.run(app).await,
            Self::Export(command) => command.run(app).await,
            Self::UnwrapExport(command) => command.run(app),
        }
    }
}

impl List {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let (keys, more) = app.client()?.keys().take(self.limit).await?;
        app.output.show(&KeyListView::new(&keys, more))
    }
}

impl Show {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        if self.key.version().is_some() {
            let version = client.key_version(&self.key).await?;
            return app.output.show(&VersionView::new(&version));
        }
        let key = client.key(&self.key).await?;
        let (versions, more) = client.key_versions(&self.key).take(self.limit).await?;
        app.output.show(&KeyView::new(&key).with_versions(&versions, more))
    }
}

impl Rotate {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let key = self.rotate(&app.client()?).await?;
        app.output.show(&KeyView::new(&key))
    }

    #[cfg(feature = "custodian")]
    async fn rotate(&self, client: &Client) -> Result<v1::Key, Failure> {
        Ok(match self.requester.open()? {
            Some(requester) => client.rotate_key_among(&self.key, &requester, &self.requester.terms()).await?,
            None => client.rotate_key(&self.key).await?,
        })
    }

    #[cfg(not(feature = "custodian"))]
    async fn rotate(&self, client: &Client) -> Result<v1::Key, Failure> {
        Ok(client.rotate_key(&self.key).await?)
    }
}

impl Public {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let key = app.client()?.public_key(&self.key).await?;
        let view = PublicKeyView::new(&key);
        if sink::is_stdout(&self.out) && app.output == Output::Json {
            return app.output.show(&view);
        }
        sink::write(&self.out, key.pem.as_bytes(), Access::Public)?;
        app.remark(&self.out, &view)
    }
}
