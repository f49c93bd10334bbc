use std::path::{Path, PathBuf};

use clap::Args;
use hufu_ceremony::{Pins, Report};

use crate::{
    app::App,
    custody::{files, share::read_log_key},
    failure::Failure,
    view::ceremony::ReportView,
};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The transcript
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// The pin of the roster that the ceremony is bound to
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
    /// The log's public key, which closes transcripts
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// The policy that the ceremony should be bound to, in TOML
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// An earlier transcript of the same ceremony: nothing of it may be missing
    #[arg(long, value_name = "TRANSCRIPT")]
    before: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        let policy = self.policy.as_deref().map(files::read_policy).transpose()?;
        let pins = Pins {
            roster: files::read_pin(&self.pin)?.hash(),
            policy: policy.map(|policy| policy.hash()),
            service: read_log_key(&self.log_key)?,
            seen: None,
        };
        let seen = match &self.before {
            Some(before) => Some(verify(before, &pins)?.ceremony().seen()),
            None => None,
        };
        let report = verify(&self.transcript, &Pins { seen, ..pins })?;
        app.output.show(&ReportView::new(&report))
    }
}

fn verify(path: &Path, pins: &Pins) -> Result<Report, Failure> {
    hufu_ceremony::verify(&files::read_transcript(path)?, pins).map_err(|refusal| {
        let reason = refusal.reason();
        Failure::Negative(format!("the transcript `{}` does not verify: {refusal} ({reason})", path.display()))
    })
}
