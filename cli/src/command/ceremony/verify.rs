use std::path::{Path, PathBuf};

use clap::Args;
use hufu_ceremony::Report;

use crate::{
    app::App,
    custody::{files, transcripts::Known},
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
        let known = Known::read(&self.pin, &self.log_key, self.policy.as_deref())?;
        let known = match &self.before {
            Some(before) => {
                let seen = verify(before, &known)?.ceremony().seen();
                known.having_seen(seen)
            }
            None => known,
        };
        let report = verify(&self.transcript, &known)?;
        app.output.show(&ReportView::new(&report))
    }
}

fn verify(path: &Path, known: &Known) -> Result<Report, Failure> {
    known.verify(&files::read_transcript(path)?).map_err(|failure| match failure {
        Failure::Ceremony(refusal) => {
            let (path, reason) = (path.display(), refusal.reason());
            Failure::Negative(format!("the transcript `{path}` does not verify: {refusal} ({reason})"))
        }
        other => other,
    })
}
