use std::path::PathBuf;

use clap::Args;
use hufu_custodian::Label;
use hufu_shares::HandoverRequest;

use crate::{
    app::App,
    custody::{
        files,
        share::{Asked, Holding, read_log_key},
    },
    failure::Failure,
    sink::Access,
};

/// What a file says of who wrote it.
const BY_A_FILE: &str = "whoever gave you the file, which does not prove who that is: have the words read out to you";

#[derive(Debug, Args)]
pub(crate) struct HandOver {
    /// The request, as `hufu unseal request` writes it
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    #[command(flatten)]
    holding: Holding,
    /// The log's public key [default: the key that the share names, which `hufu custodian share check` has compared]
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// Where the handover goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Do not ask before the share is handed over
    #[arg(long)]
    yes: bool,
}

impl HandOver {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        let asked = Asked {
            request: files::read(&self.request, Label::HandoverRequest, HandoverRequest::from_bytes)?,
            by: BY_A_FILE.to_owned(),
            dealer: self.log_key.as_deref().map(read_log_key).transpose()?,
        };
        let (handover, view) = self.holding.read()?.hand_over(&asked, self.yes)?;
        files::write(&self.out, Label::Handover, &handover.to_bytes(), Access::Secret)?;
        app.remark(&self.out, &view)
    }
}
