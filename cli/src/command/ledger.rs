use std::path::PathBuf;

use clap::{Args, Subcommand};
use hufu_sdk::{KeyRef, offline};

use crate::{
    app::App,
    failure::Failure,
    input,
    output::Output,
    sink::{self, Access},
    view::ledger::{CheckpointView, ConsistentView, LogKeyView, ProofView, ReportView},
};

/// Longest verifier key that is read, in bytes.
const KEY_LEN_MAX: usize = 4096;

/// Longest checkpoint that is read, in bytes.
const CHECKPOINT_LEN_MAX: usize = 64 << 10;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the newest checkpoint: a signed note
    Checkpoint(Checkpoint),
    /// Write the log's public key: compare it out of band before you rely on it
    Key(Key),
    /// Write a bundle that proves the history of a version
    Prove(Prove),
    /// Check a bundle; needs no service
    Verify(Verify),
    /// Check that the log still extends a checkpoint that was kept
    Consistency(Consistency),
}

#[derive(Debug, Args)]
pub(crate) struct Checkpoint {
    /// Where it goes
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Key {
    /// Where it goes
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// Version, or the newest one of a key
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// Where the bundle goes
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// The log's public key, as `hufu ledger key` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Consistency {
    /// The checkpoint that was kept
    #[arg(value_name = "CHECKPOINT")]
    checkpoint: PathBuf,
    /// The log's public key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Checkpoint(command) => command.run(app).await,
            Self::Key(command) => command.run(app).await,
            Self::Prove(command) => command.run(app).await,
            Self::Verify(command) => command.run(app),
            Self::Consistency(command) => command.run(app).await,
        }
    }
}

impl Checkpoint {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let checkpoint = app.client()?.checkpoint().await?;
        let view = CheckpointView::new(&checkpoint);
        if sink::is_stdout(&self.out) && app.output == Output::Json {
            return app.output.show(&view);
        }
        sink::write(&self.out, checkpoint.note.as_bytes(), Access::Public)?;
        app.remark(&self.out, &view)
    }
}

impl Key {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let key = app.client()?.log_key().await?;
        let view = LogKeyView::new(&key);
        if sink::is_stdout(&self.out) && app.output == Output::Json {
            return app.output.show(&view);
        }
        sink::write(&self.out, format!("{}\n", key.verifier_key).as_bytes(), Access::Public)?;
        app.remark(&self.out, &view)
    }
}

impl Prove {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let proof = app.client()?.prove_key_version(&self.key).await?;
        sink::write(&self.out, &proof.bundle, Access::Public)?;
        app.remark(&self.out, &ProofView::new(&proof))
    }
}

impl Verify {
    fn run(self, app: &App) -> Result<(), Failure> {
        let key = log_key(&self.key)?;
        let bundle = input::read(&self.bundle, offline::BUNDLE_LEN_MAX, "a bundle")?;
        let report = offline::verify_bundle(&bundle, &key)?;
        app.output.show(&ReportView::new(&report))
    }
}

impl Consistency {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let key = log_key(&self.key)?;
        let older = input::read(&self.checkpoint, CHECKPOINT_LEN_MAX, "a checkpoint")?;
        let size = offline::tree_size(&older, &key)?;
        let proof = app.client()?.prove_consistency(size).await?;
        let newer = proof.checkpoint.ok_or(hufu_sdk::Error::Incomplete("a checkpoint"))?;
        offline::verify_consistency(&older, newer.note.as_bytes(), &proof.hashes, &key)?;
        app.output.show(&ConsistentView::new(size, &newer))
    }
}

fn log_key(file: &std::path::Path) -> Result<offline::VerifierKey, Failure> {
    let text = input::read(file, KEY_LEN_MAX, "a verifier key")?;
    Ok(offline::verifier_key(&String::from_utf8_lossy(&text))?)
}
