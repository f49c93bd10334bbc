use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    app::App,
    custody::{
        files,
        share::{Holding, read_log_key},
    },
    failure::Failure,
    view::share::ShareView,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the share and check it against what was dealt; it is not shown. Ends with 3 when it is not what was dealt
    Check(Check),
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

impl Command {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Check(command) => command.run(app),
        }
    }
}

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
