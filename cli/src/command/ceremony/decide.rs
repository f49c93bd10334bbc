use std::{path::PathBuf, time::Duration};

use clap::Args;
use hufu_ceremony::{Decision, Text, What, Word};
use hufu_custodian::Label;
use hufu_custodian_keys::KeyFile;

use super::case::{Case, Source};
use crate::{
    app::App,
    confirm::confirm,
    custody::{access::Access, files, now_ms, share},
    failure::Failure,
    sink,
    time::parse_duration,
    view::ceremony::DecisionView,
};

#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    decide: Decide,
}

#[derive(Debug, Args)]
pub(crate) struct Veto {
    #[command(flatten)]
    decide: Decide,
}

#[derive(Debug, Args)]
struct Decide {
    #[command(flatten)]
    source: Source,
    /// The key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    access: Access,
    /// How long the decision holds [default: as long as the request]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    lifetime: Option<Duration>,
    /// Why: it is in the transcript for ever
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<Text>,
    /// Where the decision goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Do not ask before it is signed
    #[arg(long)]
    yes: bool,
}

impl Approve {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        self.decide.run(app, Word::Approve, Label::Approval, What::Approved)
    }
}

impl Veto {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        self.decide.run(app, Word::Veto, Label::Veto, What::Vetoed)
    }
}

impl Decide {
    fn run(
        self,
        app: &App,
        word: Word,
        label: Label,
        event: fn(hufu_custodian::Signed) -> What,
    ) -> Result<(), Failure> {
        let (case, file) = (self.source.read()?, files::read_keys(&self.key)?);
        case.check(file.custodian(), word)?;
        let decision = self.decision(&case, &file, word);
        let view = DecisionView::new(&decision, file.custodian(), &case);
        confirm(&view.question(), self.yes)?;
        let keys = self.access.open(&file)?;
        let signed = share::sign(file.custodian(), &keys, decision.to_bytes())?;
        case.rehearse(event(signed.clone()))?;
        files::write(&self.out, label, &signed.to_bytes(), sink::Access::Public)?;
        app.remark(&self.out, &view)
    }

    fn decision(&self, case: &Case, file: &KeyFile, word: Word) -> Decision {
        let (now, end) = (now_ms(), case.request().expires_at_ms);
        let lifetime_ms = |lifetime: Duration| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let expires_at_ms = self.lifetime.map_or(end, |lifetime| now.saturating_add(lifetime_ms(lifetime)).min(end));
        Decision {
            binding: case.binding,
            who: file.custodian().name.clone(),
            word,
            decided_at_ms: now,
            expires_at_ms,
            reason: self.reason.clone(),
        }
    }
}

fn reason(text: &str) -> Result<Text, String> {
    Text::try_from(text).map_err(|refusal| refusal.to_string())
}
