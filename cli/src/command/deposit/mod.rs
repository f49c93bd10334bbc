//! Own keys, deposited among custodians: split here, and put together here.

mod recover;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use hufu_sdk::{DEPOSIT_LEN_MAX, DepositSecret, NewDeposit, SecretBytes, offline};

use crate::{
    app::App,
    args::limit,
    confirm::confirm,
    custody::files,
    failure::Failure,
    input,
    view::deposit::{DeletionView, DepositView, DepositsView},
};

/// Longest private key that is read, in bytes of PEM.
const KEY_LEN_MAX: usize = 8 << 10;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Split an own key among custodians, so that a quorum can give it back
    ///
    /// The key is split here. Each share is sealed to its custodian, by the roster whose hash is pinned here, and only that leaves
    /// this machine: neither the service nor fewer custodians than the threshold can open it.
    Create(Create),
    /// List the deposits of the tenant
    List(List),
    /// Show a deposit
    Show(Show),
    /// Put a deposited key together again that a ceremony has released to an own key
    ///
    /// The transcript is verified here, every signature of it, with your own pins; the shares are opened here with your key, checked
    /// against what was dealt, and combined.
    Recover(recover::Recover),
    /// Give a deposit up: nobody can recover the key any more once the delay of destructions is over
    Delete(Delete),
    /// Take back that a deposit is given up
    CancelDelete(CancelDelete),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name
    #[arg(value_name = "NAME")]
    id: String,
    /// File with the key, at most 4096 bytes; `-` for standard input
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// The file is a private key of this curve in PKCS#8: every custodian can check its share against the public key
    #[arg(long, value_enum)]
    curve: Option<Curve>,
    /// So many custodians can make the key again together
    #[arg(long, value_name = "NUMBER")]
    threshold: u8,
    /// Who gets a share; once for each
    #[arg(long = "custodian", value_name = "NAME", required = true)]
    custodians: Vec<String>,
    /// The pin of the roster
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
    /// The log's public key
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Curve {
    /// NIST P-256
    P256,
    /// SM2
    Sm2,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = limit())]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The deposit
    #[arg(value_name = "NAME")]
    id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The deposit
    #[arg(value_name = "NAME")]
    id: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelDelete {
    /// The deposit
    #[arg(value_name = "NAME")]
    id: String,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        // What was not reached is no reason to stop: laptops seldom let a program lock all of its memory.
        let _ = hufu_custodian_keys::harden();
        match self {
            Self::Create(command) => command.run(app).await,
            Self::List(command) => command.run(app).await,
            Self::Show(command) => command.run(app).await,
            Self::Recover(command) => command.run(app).await,
            Self::Delete(command) => command.run(app).await,
            Self::CancelDelete(command) => command.run(app).await,
        }
    }
}

impl Create {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let new = NewDeposit {
            secret: read_secret(&self.secret_file, self.curve)?,
            id: self.id,
            threshold: self.threshold,
            custodians: self.custodians,
            roster: files::read_pin(&self.pin)?.hash().0,
            log_key: input::read_log_key(&self.log_key)?,
        };
        app.output.show(&DepositView::new(&app.client()?.create_deposit(&new).await?)?)
    }
}

fn read_secret(path: &Path, curve: Option<Curve>) -> Result<DepositSecret, Failure> {
    let key = |bytes: &[u8]| offline::read_key(bytes);
    Ok(match curve {
        None => {
            DepositSecret::Bytes(SecretBytes::from_slice(&input::read(path, DEPOSIT_LEN_MAX, "a deposited key")?))
        }
        Some(Curve::P256) => DepositSecret::P256(key(&input::read(path, KEY_LEN_MAX, "a private key")?)?),
        Some(Curve::Sm2) => DepositSecret::Sm2(key(&input::read(path, KEY_LEN_MAX, "a private key")?)?),
    })
}

impl List {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let (deposits, more) = client.deposits().take(self.limit).await?;
        app.output.show(&DepositsView::new(&deposits, more)?)
    }
}

impl Show {
    async fn run(self, app: &App) -> Result<(), Failure> {
        app.output.show(&DepositView::new(&app.client()?.deposit(&self.id).await?)?)
    }
}

impl Delete {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let question = format!(
            "The deposit `{}` is given up after the delay: nobody can recover the key any more then. Go on?",
            self.id
        );
        confirm(&question, self.yes)?;
        let told = app.client()?.delete_deposit(&self.id).await?;
        app.output.show(&DeletionView::new(&self.id, &told))
    }
}

impl CancelDelete {
    async fn run(self, app: &App) -> Result<(), Failure> {
        app.output.show(&DepositView::new(&app.client()?.cancel_delete_deposit(&self.id).await?)?)
    }
}
