use std::path::PathBuf;

use clap::{Args, Subcommand};
use hufu_custodian::{Label, Signed};
use hufu_shares::Confirmation;

use crate::{
    app::App,
    args::limit,
    custody::files,
    failure::Failure,
    view::share_set::{ShareSetView, ShareSetsView},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the share sets of the tenant
    List(List),
    /// Show a share set: whose shares count, and who has confirmed
    Show(Show),
    /// Bring a confirmation that a custodian's tool has written; whoever carries it does not matter
    Confirm(Confirm),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// That of the root, where custodians hold it together, in place of the tenant's
    #[arg(long)]
    root: bool,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = limit())]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The set: its 32 hexadecimal digits, or its whole name
    #[arg(value_name = "SET")]
    set: String,
}

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// The confirmation, as `hufu custodian share confirm --out` writes it
    #[arg(value_name = "FILE")]
    confirmation: PathBuf,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(app).await,
            Self::Show(command) => command.run(app).await,
            Self::Confirm(command) => command.run(app).await,
        }
    }
}

impl List {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let pages = if self.root { client.root_share_sets() } else { client.share_sets() };
        let (sets, more) = pages.take(self.limit).await?;
        app.output.show(&ShareSetsView::new(&sets, more))
    }
}

impl Show {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let set = app.client()?.share_set(&name(app, &self.set)?).await?;
        app.output.show(&ShareSetView::new(&set))
    }
}

impl Confirm {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let signed = files::read(&self.confirmation, Label::Confirmation, Signed::from_bytes)?;
        let of = Confirmation::from_bytes(&signed.statement)?.set().to_string();
        let set = app.client()?.confirm_share(&name(app, &of)?, signed.to_bytes()).await?;
        app.output.show(&ShareSetView::new(&set))
    }
}

/// The resource name of a set of the profile's tenant.
pub(crate) fn name(app: &App, set: &str) -> Result<String, Failure> {
    if set.starts_with("tenants/") {
        return Ok(set.to_owned());
    }
    Ok(format!("tenants/{}/shareSets/{set}", app.profile()?.tenant))
}
