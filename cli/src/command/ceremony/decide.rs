use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use hufu_ceremony::{Decision, Text, What, Word};
use hufu_custodian::{Label, Signed};
use hufu_custodian_keys::KeyFile;

use super::{
    case::{Case, Source},
    online,
};
use crate::{
    app::App,
    confirm::confirm,
    custody::{access::Access, files, now_ms, share},
    failure::Failure,
    sink,
    time::parse_duration,
    view::{ceremonies::CeremonyView, ceremony::DecisionView},
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
pub(crate) struct Cancel {
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
    /// Where the decision goes [default: to the service, for a ceremony that is named by its number]
    #[arg(long, value_name = "FILE", required_unless_present = "number")]
    out: Option<PathBuf>,
    /// Do not ask before it is signed
    #[arg(long)]
    yes: bool,
}

impl Approve {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        self.decide.run(app, Word::Approve).await
    }
}

impl Veto {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        self.decide.run(app, Word::Veto).await
    }
}

impl Cancel {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        self.decide.run(app, Word::Cancel).await
    }
}

impl Decide {
    async fn run(self, app: &App, word: Word) -> Result<(), Failure> {
        let case = self.source.read(app).await?;
        let deciding =
            Deciding { key: &self.key, access: &self.access, lifetime: self.lifetime, reason: self.reason };
        let (signed, view) = deciding.decide(&case, word, self.yes)?;
        match (&self.out, self.source.online()) {
            (None, Some(name)) => {
                let ceremony = online::bring(&app.client()?, name, label(word), signed.to_bytes()).await?;
                app.output.show(&CeremonyView::new(&ceremony))
            }
            (Some(out), _) => {
                files::write(out, label(word), &signed.to_bytes(), sink::Access::Public)?;
                app.remark(out, &view)
            }
            // The arguments' definition leaves nothing else.
            (None, None) => {
                Err(Failure::usage("there is nowhere for the decision to go", "name a file with `--out`"))
            }
        }
    }
}

/// Who decides, and how.
pub(super) struct Deciding<'a> {
    pub(super) key: &'a Path,
    pub(super) access: &'a Access,
    pub(super) lifetime: Option<Duration>,
    pub(super) reason: Option<Text>,
}

impl Deciding<'_> {
    /// Shows everything, asks, and signs. What would not count is not signed.
    pub(super) fn decide(&self, case: &Case, word: Word, yes: bool) -> Result<(Signed, DecisionView), Failure> {
        let file = files::read_keys(self.key)?;
        case.check(file.custodian(), word)?;
        let decision = self.decision(case, &file, word);
        let view = DecisionView::new(&decision, file.custodian(), case);
        confirm(&view.question(), yes)?;
        let keys = self.access.open(&file)?;
        let signed = share::sign(file.custodian(), &keys, decision.to_bytes())?;
        case.rehearse(event(word)(signed.clone()))?;
        Ok((signed, view))
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

/// What a decision's file is called.
pub(super) fn label(word: Word) -> Label {
    match word {
        Word::Approve => Label::Approval,
        Word::Veto => Label::Veto,
        Word::Cancel => Label::Cancellation,
    }
}

fn event(word: Word) -> fn(Signed) -> What {
    match word {
        Word::Approve => What::Approved,
        Word::Veto => What::Vetoed,
        Word::Cancel => What::Cancelled,
    }
}

fn reason(text: &str) -> Result<Text, String> {
    Text::try_from(text).map_err(|refusal| refusal.to_string())
}
