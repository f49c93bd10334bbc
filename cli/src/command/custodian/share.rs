use std::path::PathBuf;

use clap::{Args, Subcommand};
use hufu_custodian::Label;
use hufu_shares::{ROOT_SUBJECT, Share};

use crate::{
    app::App,
    command::{share_set::name, unseal::confirm_root_share},
    custody::{
        files,
        share::{Holding, read_log_key, sign},
    },
    failure::Failure,
    sink::Access,
    view::{share::ShareView, share_set::ShareSetView},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the share and check it against what was dealt; it is not shown. Ends with 3 when it is not what was dealt
    Check(Check),
    /// Fetch a share from the service, sealed to its custodian; whoever carries it does not matter
    Fetch(Fetch),
    /// Open the share, check it, and tell the service under the own signature that it is there and good
    ///
    /// New shares count only when enough of their custodians have confirmed; until then the old ones do. With `--out` the
    /// confirmation is written into a file, for a machine without network: `hufu share-set confirm FILE` brings it, or, of a share of
    /// the root that `hufud init` dealt, `hufu unseal confirm FILE`
    Confirm(Confirm),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    holding: Holding,
    /// The log's public key, which signed what is publicly known of the shares: compare it out of band
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// The pin of the roster, from which those who got a share must have been taken
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The set: its 32 hexadecimal digits, or its whole name
    #[arg(long, value_name = "SET")]
    set: String,
    /// The custodian
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Of which epoch [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    epoch: Option<u32>,
    /// The log's public key, which must have signed what is publicly known of the shares
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// The pin of the roster that the set must be of [default: the set may be of an earlier roster]
    #[arg(long, value_name = "FILE")]
    pin: Option<PathBuf>,
    /// Where the share goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    #[command(flatten)]
    holding: Holding,
    /// The log's public key, which signed what is publicly known of the shares
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// Write the confirmation into a file, and tell no service
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Check(command) => command.run(app),
            Self::Fetch(command) => command.run(app).await,
            Self::Confirm(command) => command.run(app).await,
        }
    }
}

/// Of the shares that `hufud init` deals: they are in the transcript of the root's beginning. Those of later ones are in a share set.
const FIRST_EPOCH: u32 = 1;

impl Check {
    fn run(self, app: &App) -> Result<(), Failure> {
        let held = self.holding.read()?;
        if held.manifest().roster() != files::read_pin(&self.pin)?.hash() {
            return Err(Failure::Refused {
                message: "the shares were dealt among people of another roster than the pinned one".to_owned(),
                help: "do not keep it as if it were good: ask whoever began the installation which roster that was",
            });
        }
        held.open(&read_log_key(&self.log_key)?)?;
        app.output.show(&ShareView::new(&held.share))
    }
}

impl Fetch {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let dealer = read_log_key(&self.log_key)?;
        let pin = self.pin.as_deref().map(files::read_pin).transpose()?;
        let set = name(app, &self.set)?;
        let bytes = app.client()?.fetch_share(&set, &self.name, self.epoch).await?;
        let share = Share::from_bytes(&bytes)?;
        let manifest = share.manifest().verify(&dealer)?;
        let own = manifest.seat(share.index()).is_some_and(|seat| seat.custodian.as_str() == self.name);
        if !own || !set.ends_with(&manifest.set().to_string()) {
            let message = format!("the service has sent something else than a share of `{}` in that set", self.name);
            return Err(Failure::Refused { message, help: "tell the service's operators" });
        }
        if pin.is_some_and(|pin| pin.hash() != manifest.roster()) {
            let message =
                format!("the shares were dealt under another roster than the pinned one: {}", manifest.roster());
            return Err(Failure::Refused {
                message,
                help: "leave out `--pin` if that was an earlier roster of yours",
            });
        }
        files::write(&self.out, Label::Share, &bytes, Access::Secret)?;
        app.remark(&self.out, &ShareView::sealed(&share))
    }
}

impl Confirm {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let held = self.holding.read()?;
        let (opened, keys) = held.open(&read_log_key(&self.log_key)?)?;
        let signed = sign(held.custodian(), &keys, opened.confirm().to_bytes())?;
        if let Some(out) = &self.out {
            files::write(out, Label::Confirmation, &signed.to_bytes(), Access::Public)?;
            return app.remark(out, &ShareView::new(&held.share));
        }
        let is_root = held.manifest().subject().name.starts_with(ROOT_SUBJECT);
        if is_root && opened.epoch() == FIRST_EPOCH {
            return confirm_root_share(app, &signed).await;
        }
        let set = name(app, &opened.set().to_string())?;
        app.output.show(&ShareSetView::new(&app.client()?.confirm_share(&set, signed.to_bytes()).await?))
    }
}
