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

/// Longest public key that is read, in bytes of PEM.
const PUBLIC_KEY_LEN_MAX: usize = 64 << 10;

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
    /// The public key that the bundle should be of (PEM); ends with 3 when it is of another one
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Where to write the public key of the bundle (PEM)
    #[arg(long, value_name = "FILE")]
    public_out: Option<PathBuf>,
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
        let key = input::read_log_key(&self.key)?;
        let bundle = input::read(&self.bundle, offline::BUNDLE_LEN_MAX, "a bundle")?;
        let report = offline::verify_bundle(&bundle, &key)?;
        let public_key = offline::bundle_public_key(&bundle)?;
        if let Some(file) = &self.public {
            let expected = input::read(file, PUBLIC_KEY_LEN_MAX, "a public key")?;
            is_of(public_key.as_deref(), &offline::public_key_from_pem(&expected)?)?;
        }
        if let Some(out) = &self.public_out {
            let pem = offline::public_key_to_pem(public_key.as_deref().ok_or_else(symmetric)?)?;
            sink::write(out, pem.as_bytes(), Access::Public)?;
        }
        let view = ReportView::new(&report, public_key.as_deref(), self.public.is_some());
        match &self.public_out {
            Some(out) => app.remark(out, &view),
            None => app.output.show(&view),
        }
    }
}

impl Consistency {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let key = input::read_log_key(&self.key)?;
        let older = input::read(&self.checkpoint, CHECKPOINT_LEN_MAX, "a checkpoint")?;
        let size = offline::tree_size(&older, &key)?;
        let proof = app.client()?.prove_consistency(size).await?;
        let newer = proof.checkpoint.ok_or(hufu_sdk::Error::Incomplete("a checkpoint"))?;
        offline::verify_consistency(&older, newer.note.as_bytes(), &proof.hashes, &key)?;
        app.output.show(&ConsistentView::new(size, &newer))
    }
}

/// Whether the bundle is of this very public key.
fn is_of(found: Option<&[u8]>, expected: &[u8]) -> Result<(), Failure> {
    if found.ok_or_else(symmetric)? == expected {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!(
            "the bundle is good, but of another public key: SHA-256 {}, expected {}",
            hex::encode(offline::public_key_sha256(found.unwrap_or_default())),
            hex::encode(offline::public_key_sha256(expected)),
        ),
        help: "take the bundle of this key, and of the version that is meant",
    })
}

fn symmetric() -> Failure {
    Failure::Refused {
        message: "the bundle is good, but holds no public key: it is of a symmetric key".to_owned(),
        help: "compare its ledger key id with that of `hufu key show`",
    }
}
