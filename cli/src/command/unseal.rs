use std::path::PathBuf;

use clap::{Args, Subcommand};
use hufu_custodian::{Label, Signed};
use hufu_sdk::v1::{self, seal_status::State};
use hufu_shares::{HandedOver, HandoverRequest, SignedManifest};

use crate::{
    app::App,
    custody::{
        files,
        share::{Asked, Holding, read_log_key},
    },
    failure::Failure,
    sink::Access,
    view::{
        root_transcript::{RootTranscriptView, RootTranscriptsView},
        seal::SealView,
    },
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Whether the server is sealed, who has brought a share, and who is awaited
    Status,
    /// Write the request that custodians without network answer (`hufu custodian hand-over`)
    Request(Request),
    /// Bring what a custodian handed over
    Submit(Submit),
    /// Hand the own share over to the server, in one step
    Share(Share),
    /// List what was written down: that the root was split (number 0), and each time a server was opened
    Transcripts,
    /// Fetch the transcript of one of them; `hufu ceremony verify` needs no service for it
    Transcript(Transcript),
    /// Bring a custodian's confirmation of a share that `hufud init` dealt (of later ones: `hufu share-set confirm`)
    Confirm(Confirm),
}

#[derive(Debug, Args)]
pub(crate) struct Transcript {
    /// The number that `hufu unseal transcripts` shows
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// Where the transcript goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// The confirmation
    #[arg(value_name = "FILE")]
    confirmation: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Request {
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The handover, as `hufu custodian hand-over` writes it
    #[arg(long, value_name = "FILE")]
    handover: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    #[command(flatten)]
    holding: Holding,
    /// The log's public key [default: the key that the share names, which `hufu custodian share check` has compared]
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// Do not ask before the share is handed over
    #[arg(long)]
    yes: bool,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        // What was not reached is no reason to stop: laptops seldom let a program lock all of its memory.
        let _ = hufu_custodian_keys::harden();
        match self {
            Self::Status => show(app, &app.client()?.seal_status().await?),
            Self::Request(command) => command.run(app).await,
            Self::Submit(command) => command.run(app).await,
            Self::Share(command) => command.run(app).await,
            Self::Transcripts => list(app).await,
            Self::Transcript(command) => command.run(app).await,
            Self::Confirm(command) => command.run(app).await,
        }
    }
}

impl Request {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let status = app.client()?.seal_status().await?;
        let waiting = Waiting::of(&status)?.ok_or_else(not_sealed)?;
        files::write(&self.out, Label::HandoverRequest, &waiting.request.to_bytes(), Access::Public)?;
        app.remark(&self.out, &waiting.view(&status))
    }
}

impl Submit {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let handover = files::read(&self.handover, Label::Handover, HandedOver::from_bytes)?;
        show(app, &app.client()?.submit_share(handover.to_bytes()).await?)
    }
}

impl Share {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let held = self.holding.read()?;
        let dealer = self.log_key.as_deref().map(read_log_key).transpose()?;
        let profile = app.profile()?;
        let client = app.client_of(&profile)?;
        let waiting = Waiting::of(&client.seal_status().await?)?.ok_or_else(not_sealed)?;
        let by = format!("the server {}, whose certificate was verified", profile.server);
        let (handover, _) = held.hand_over(&Asked { request: waiting.request, by, dealer }, self.yes)?;
        show(app, &client.submit_share(handover.to_bytes()).await?)
    }
}

impl Transcript {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let found = app.client()?.root_transcript(self.number).await?;
        files::write(&self.out, Label::RootTranscript, &found.transcript, Access::Public)?;
        app.remark(&self.out, &RootTranscriptView::new(&found))
    }
}

impl Confirm {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let signed = files::read(&self.confirmation, Label::Confirmation, Signed::from_bytes)?;
        confirm_root_share(app, &signed).await
    }
}

/// Brings a custodian's word that its share of the root is there and good.
pub(crate) async fn confirm_root_share(app: &App, signed: &Signed) -> Result<(), Failure> {
    let found = app.client()?.confirm_root_share(signed.to_bytes()).await?;
    app.output.show(&RootTranscriptView::new(&found))
}

async fn list(app: &App) -> Result<(), Failure> {
    let (client, mut token, mut found) = (app.client()?, String::new(), Vec::new());
    loop {
        let page = client.list_root_transcripts(&token).await?;
        found.extend(page.root_transcripts.iter().map(RootTranscriptView::new));
        token = page.next_page_token;
        if token.is_empty() {
            return app.output.show(&RootTranscriptsView(found));
        }
    }
}

/// What a sealed server says.
struct Waiting {
    request: HandoverRequest,
    manifest: SignedManifest,
}

impl Waiting {
    /// Nothing of a server that is not sealed.
    fn of(status: &v1::SealStatus) -> Result<Option<Self>, Failure> {
        match status.state() {
            State::Sealed => Ok(Some(Self {
                request: HandoverRequest::from_bytes(&status.request)?,
                manifest: SignedManifest::from_bytes(&status.manifest)?,
            })),
            State::Unsealed => Ok(None),
            State::Unspecified => Err(hufu_sdk::Error::Incomplete("whether the server is sealed").into()),
        }
    }

    fn view(&self, status: &v1::SealStatus) -> SealView {
        SealView::sealed(status, &self.request, &self.manifest)
    }
}

fn show(app: &App, status: &v1::SealStatus) -> Result<(), Failure> {
    app.output.show(&Waiting::of(status)?.map_or_else(SealView::unsealed, |waiting| waiting.view(status)))
}

fn not_sealed() -> Failure {
    Failure::Refused {
        message: "the server is not sealed: it waits for nobody's share".to_owned(),
        help: "there is nothing to do",
    }
}
