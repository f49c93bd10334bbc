use std::path::{Path, PathBuf};

use clap::Args;
use hufu_ceremony::Report;
use hufu_custodian::Label;

use crate::{
    app::App,
    custody::{files, transcripts::Known},
    failure::Failure,
    view::{ceremony::ReportView, root_transcript::RootReportView},
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
        if let (Label::RootTranscript, bytes) = files::read_any(&self.transcript)? {
            return self.verify_root(app, &known, &bytes);
        }
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

    /// What was written down of a root, which is bound to no policy and has no earlier part.
    fn verify_root(&self, app: &App, known: &Known, transcript: &[u8]) -> Result<(), Failure> {
        if self.policy.is_some() || self.before.is_some() {
            let message = "this transcript tells of a root: there is no policy and nothing before it".to_owned();
            return Err(Failure::usage(message, "leave `--policy` and `--before` out"));
        }
        let (report, logged_at) = known.verify_root(transcript).map_err(|failure| match failure {
            Failure::Shares(error) => negative(&self.transcript, &error),
            Failure::Sdk(error) => negative(&self.transcript, &error),
            other => other,
        })?;
        app.output.show(&RootReportView::new(&report, logged_at))
    }
}

fn negative(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::Negative(format!("the transcript `{}` does not verify: {why}", path.display()))
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
