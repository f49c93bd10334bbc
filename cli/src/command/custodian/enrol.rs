use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use hufu_custodian::{Awaited, Challenge, Label, SECRET_LEN, Signed};

use crate::{
    app::App,
    confirm::confirm_where_possible,
    custody::{access, files, now_ms},
    failure::Failure,
    sink::Access,
    table::clean,
    time::parse_duration,
    view::custodian::{ChallengeView, CustodianView},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a challenge for whoever claims an entry
    Challenge(Make),
    /// Answer a challenge with one's own keys
    Answer(Answer),
    /// Check an answer, and write the entry for the roster; an answer is accepted once
    Accept(Accept),
}

impl Command {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Challenge(command) => command.run(app),
            Self::Answer(command) => command.run(app),
            Self::Accept(command) => command.run(app),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Make {
    /// The entry, as `hufu custodian show --entry-out` writes it
    #[arg(value_name = "ENTRY")]
    entry: PathBuf,
    /// The deployment whose roster it is for: the origin of its log
    #[arg(long, value_name = "ORIGIN")]
    deployment: String,
    /// How long it can be answered
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    lifetime: Duration,
    /// Where the challenge goes: for the custodian
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to keep what checks the answer
    #[arg(long, value_name = "FILE")]
    awaited: PathBuf,
}

impl Make {
    fn run(self, app: &App) -> Result<(), Failure> {
        let entry = files::read_entry(&self.entry)?;
        let lifetime_ms = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        let expires_at_ms = now_ms().saturating_add(lifetime_ms);
        let random = hufu_custodian_keys::random(SECRET_LEN)?;
        let (challenge, awaited) = Challenge::new(&self.deployment, entry, expires_at_ms, &random)?;
        files::write(&self.awaited, Label::AwaitedEnrolment, &awaited.to_bytes(), Access::Secret)?;
        files::write(&self.out, Label::Enrolment, &challenge.to_bytes(), Access::Public)?;
        app.remark(&self.out, &ChallengeView::new(&challenge))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The challenge
    #[arg(value_name = "CHALLENGE")]
    challenge: PathBuf,
    /// The key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The deployment that you mean to serve; a challenge of another one is refused
    #[arg(long, value_name = "ORIGIN")]
    deployment: String,
    /// Where the answer goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    access: access::Access,
    /// Do not ask before answering
    #[arg(long)]
    yes: bool,
}

impl Answer {
    fn run(self, app: &App) -> Result<(), Failure> {
        let challenge = files::read(&self.challenge, Label::Enrolment, Challenge::from_bytes)?;
        let file = files::read_keys(&self.key)?;
        let own = file.custodian();
        challenge.check(&self.deployment, own, now_ms())?;
        confirm_where_possible(&question(&challenge), self.yes)?;
        let keys = self.access.open(&file)?;
        let answer = challenge.answer(&self.deployment, own, &keys, now_ms())?;
        files::write(&self.out, Label::EnrolmentAnswer, &answer.to_bytes(), Access::Public)?;
        app.remark(&self.out, &ChallengeView::new(&challenge))
    }
}

fn question(challenge: &Challenge) -> String {
    let (name, deployment) = (&challenge.custodian().name, clean(challenge.deployment()));
    format!("This shows that you hold the keys of `{name}`, for the roster of `{deployment}`. Go on?")
}

#[derive(Debug, Args)]
pub(crate) struct Accept {
    /// The answer
    #[arg(value_name = "ANSWER")]
    answer: PathBuf,
    /// What was kept when the challenge was made; removed when the answer is good
    #[arg(long, value_name = "FILE")]
    awaited: PathBuf,
    /// Where the entry goes, for the roster
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Accept {
    fn run(self, app: &App) -> Result<(), Failure> {
        let answer = files::read(&self.answer, Label::EnrolmentAnswer, Signed::from_bytes)?;
        let awaited = files::read(&self.awaited, Label::AwaitedEnrolment, Awaited::from_bytes)?;
        let custodian = awaited.check(&answer, now_ms())?;
        // First this, so that an answer counts once even if the entry cannot be written.
        std::fs::remove_file(&self.awaited)
            .map_err(|cause| Failure::Write { name: self.awaited.display().to_string(), cause })?;
        files::write(&self.out, Label::Custodian, &custodian.to_bytes(), Access::Public)?;
        app.remark(&self.out, &CustodianView::of_entry(&custodian))
    }
}
