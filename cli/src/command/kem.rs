use std::path::PathBuf;

use clap::{Args, Subcommand};
use hufu_sdk::{KeyRef, v1};

use crate::{
    app::App,
    failure::Failure,
    input,
    sink::{self, Access},
    view::used::UsedView,
};

/// Longest ciphertext that is read, in bytes; a good one of ML-KEM-768 has 1088.
const CIPHERTEXT_LEN_MAX: usize = 4096;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a shared secret for a key, and the ciphertext that carries it there
    Encapsulate(Encapsulate),
    /// Recover the shared secret; a ciphertext of another key gives another secret, and no error
    Decapsulate(Decapsulate),
}

#[derive(Debug, Args)]
pub(crate) struct Encapsulate {
    /// Key or version; the ciphertext does not tell for which version it was made
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// Where the ciphertext goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where the shared secret goes as raw bytes; a file is readable by its owner only
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Decapsulate {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// The ciphertext
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    /// Where the shared secret goes as raw bytes; a file is readable by its owner only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Encapsulate(command) => command.run(app).await,
            Self::Decapsulate(command) => command.run(app).await,
        }
    }
}

impl Encapsulate {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let to_stdout = [&self.out, &self.secret].map(|path| sink::is_stdout(path));
        if to_stdout == [true; 2] {
            return Err(Failure::usage("ciphertext and secret cannot both go to standard output", ""));
        }
        let made = app.client()?.encapsulate(&self.key).await?;
        sink::write(&self.secret, &made.shared_secret, Access::Secret)?;
        sink::write(&self.out, &made.ciphertext, Access::Public)?;
        let scheme = v1::Scheme::Unspecified;
        let view = UsedView::new("encapsulated", &made.key_version, scheme, made.protection, made.simulated);
        if to_stdout == [false; 2] { app.output.show(&view) } else { Ok(()) }
    }
}

impl Decapsulate {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let ciphertext = input::read(&self.file, CIPHERTEXT_LEN_MAX, "a ciphertext")?;
        let found = app.client()?.decapsulate(&self.key, &ciphertext).await?;
        sink::write(&self.out, &found.shared_secret, Access::Secret)?;
        let scheme = v1::Scheme::Unspecified;
        let view = UsedView::new("decapsulated", &found.key_version, scheme, found.protection, found.simulated);
        app.remark(&self.out, &view)
    }
}
