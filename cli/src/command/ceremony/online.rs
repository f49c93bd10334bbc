//! Ceremonies in a service: what the tool signed is carried there, and what happened is fetched.

use std::path::PathBuf;

use clap::Args;
use hufu_custodian::Label;
use hufu_sdk::{Client, offline, v1};

use super::{share, sign::Signing};
use crate::{
    app::App,
    confirm::confirm,
    custody::files,
    failure::Failure,
    input, sink,
    view::ceremonies::{CeremoniesView, CeremonyView},
};

/// Longest policy or public key, in bytes.
const NEXT_LEN_MAX: usize = 256 << 10;

/// The name of a ceremony, from its number or the name itself.
pub(super) fn name(text: &str) -> Result<String, String> {
    let number = text.strip_prefix("ceremonies/").unwrap_or(text);
    match number.parse::<u64>() {
        Ok(number) if number > 0 => Ok(format!("ceremonies/{number}")),
        _ => Err("write it as the number of its request, such as 7".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Propose {
    /// The request: signed by its proposer (`hufu ceremony sign`), or the file in TOML, which is signed first
    #[arg(value_name = "REQUEST")]
    request: PathBuf,
    #[command(flatten)]
    signing: Signing,
    /// The policy or the roster that is to come into force, for a change of either; the public key in PEM, for an import; the applicant's entry (`hufu custodian show --entry-out`), for a recovery of a deposit
    #[arg(long, value_name = "FILE")]
    next: Option<PathBuf>,
}

impl Propose {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let proposal = match &self.signing.key {
            Some(key) => self.signing.sign(&files::read_request(&self.request)?, key)?,
            None => files::read_proposal(&self.request)?,
        };
        let proposal = proposal.to_bytes();
        let next = self.next.as_deref().map(read_next).transpose()?.unwrap_or_default();
        app.output.show(&CeremonyView::new(&app.client()?.create_ceremony(proposal, next).await?))
    }
}

/// A roster and an applicant's entry are armoured, a public key is PEM, a policy is TOML.
fn read_next(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    if let Ok(roster) = files::read_roster(path) {
        return Ok(roster.to_bytes());
    }
    if let Ok(applicant) = files::read_entry(path) {
        return Ok(applicant.sealing.spki().to_vec());
    }
    let text = input::read(path, NEXT_LEN_MAX, "what comes beside a request")?;
    match offline::public_key_from_pem(&text) {
        Ok(spki) => Ok(spki),
        Err(_) => Ok(files::read_policy(path)?.to_bytes()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Those about the deployment (policy, roster, root), instead of the tenant's
    #[arg(long)]
    deployment: bool,
}

impl List {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let (client, mut token, mut found) = (app.client()?, String::new(), Vec::new());
        loop {
            let page = client.list_ceremonies(self.deployment, &token).await?;
            found.extend(page.ceremonies.iter().map(CeremonyView::new));
            token = page.next_page_token;
            if token.is_empty() {
                return app.output.show(&CeremoniesView(found));
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The number of its request
    #[arg(value_name = "NUMBER", value_parser = name)]
    ceremony: String,
}

impl Show {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        app.output.show(&CeremonyView::new(&app.client()?.ceremony(&self.ceremony).await?))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The number of its request
    #[arg(value_name = "NUMBER", value_parser = name)]
    ceremony: String,
    /// An approval, a veto, a cancellation or a share, as `hufu ceremony approve`, `veto`, `cancel` or `submit-share` wrote it
    #[arg(value_name = "FILE")]
    decision: PathBuf,
}

impl Submit {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let (label, decision) = files::read_any(&self.decision)?;
        let ceremony = bring(&app.client()?, &self.ceremony, label, decision).await?;
        app.output.show(&CeremonyView::new(&ceremony))
    }
}

/// Brings what a custodian has signed.
pub(super) async fn bring(
    client: &Client,
    ceremony: &str,
    label: Label,
    decision: Vec<u8>,
) -> Result<v1::Ceremony, Failure> {
    match label {
        Label::Approval => Ok(client.approve_ceremony(ceremony, decision).await?),
        Label::Veto => Ok(client.veto_ceremony(ceremony, decision).await?),
        Label::Cancellation => Ok(client.cancel_ceremony(ceremony, decision).await?),
        Label::CeremonyShare => share::bring(client, ceremony, &decision).await,
        other => Err(Failure::usage(
            format!("the file holds a {other}, which is no approval, veto, cancellation or share"),
            "make one with `hufu ceremony approve`, `veto`, `cancel` or `submit-share`",
        )),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Execute {
    /// The number of its request
    #[arg(value_name = "NUMBER", value_parser = name)]
    ceremony: String,
    /// Do not ask before it begins
    #[arg(long)]
    yes: bool,
}

impl Execute {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let view = CeremonyView::new(&client.ceremony(&self.ceremony).await?);
        confirm(&format!("{}It begins, and goes on to its end.", view.lines()), self.yes)?;
        app.output.show(&CeremonyView::new(&client.execute_ceremony(&self.ceremony).await?))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Transcript {
    /// The number of its request
    #[arg(value_name = "NUMBER", value_parser = name)]
    ceremony: String,
    /// Where the transcript goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Transcript {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let transcript = client.ceremony_transcript(&self.ceremony).await?;
        files::write(&self.out, Label::Transcript, &transcript, sink::Access::Public)?;
        app.remark(&self.out, &CeremonyView::new(&client.ceremony(&self.ceremony).await?))
    }
}
