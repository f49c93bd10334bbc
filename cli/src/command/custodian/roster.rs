use std::path::PathBuf;

use clap::{Args, Subcommand};
use hufu_custodian::{Label, Pin, Roster, Standing, from_words};

use crate::{
    app::App,
    confirm,
    custody::files::{self, read_pin, read_roster},
    failure::Failure,
    sink::Access,
    view::custodian::{PinView, RosterView},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a roster out of entries: the first of a deployment, or the one after another
    New(Make),
    /// Who is in a roster, and the words of its hash
    Show(Show),
    /// Check that a roster is the pinned one; ends with 3 when it is not
    Verify(Verify),
    /// Pin a roster whose words you have compared with the others
    ///
    /// The words are compared over a way that the service is no part of: on the telephone, or in one room. Only the first roster
    /// and the one right after the pinned one are taken.
    Pin(SetPin),
}

impl Command {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::New(command) => command.run(app),
            Self::Show(command) => app.output.show(&RosterView::new(&read_roster(&command.roster)?, None)),
            Self::Verify(command) => command.run(app),
            Self::Pin(command) => command.run(app),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Make {
    /// An entry, as `hufu custodian enrol accept` writes it; once for each custodian
    #[arg(long = "entry", value_name = "FILE", required = true)]
    entries: Vec<PathBuf>,
    /// The deployment: the origin of its log
    #[arg(long, value_name = "ORIGIN", required_unless_present = "after")]
    deployment: Option<String>,
    /// The roster before this one
    #[arg(long, value_name = "ROSTER", conflicts_with = "deployment")]
    after: Option<PathBuf>,
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Make {
    fn run(self, app: &App) -> Result<(), Failure> {
        let entries = self.entries.iter().map(|path| files::read_entry(path)).collect::<Result<Vec<_>, _>>()?;
        let roster = match self.after {
            Some(before) => read_roster(&before)?.next(entries)?,
            None => Roster::first(&self.deployment.unwrap_or_default(), entries)?,
        };
        files::write(&self.out, Label::Roster, &roster.to_bytes(), Access::Public)?;
        app.remark(&self.out, &RosterView::new(&roster, None))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The roster
    #[arg(value_name = "ROSTER")]
    roster: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The roster
    #[arg(value_name = "ROSTER")]
    roster: PathBuf,
    /// The pin
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
}

impl Verify {
    fn run(self, app: &App) -> Result<(), Failure> {
        let roster = read_roster(&self.roster)?;
        let standing = read_pin(&self.pin)?.compare(&roster)?;
        app.output.show(&RosterView::new(&roster, Some(standing)))?;
        match standing {
            Standing::Pinned => Ok(()),
            Standing::Next => Err(Failure::Refused {
                message: "the roster follows the pinned one, and is not pinned itself".to_owned(),
                help: "compare its words with the other custodians, then use `hufu custodian roster pin`",
            }),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SetPin {
    /// The roster
    #[arg(value_name = "ROSTER")]
    roster: PathBuf,
    /// The pin, which is made if it is not there
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
    /// The words as another custodian said them, in quotes [default: shown and asked about]
    #[arg(long, value_name = "WORDS")]
    words: Option<String>,
}

impl SetPin {
    fn run(self, app: &App) -> Result<(), Failure> {
        let roster = read_roster(&self.roster)?;
        if self.pin.exists() {
            read_pin(&self.pin)?.compare(&roster)?;
        }
        self.compare_words(&roster)?;
        let pin = Pin::of(&roster);
        files::write(&self.pin, Label::RosterPin, &pin.to_bytes(), Access::Secret)?;
        app.output.show(&PinView::new(&pin, &self.pin))
    }

    fn compare_words(&self, roster: &Roster) -> Result<(), Failure> {
        if let Some(words) = &self.words {
            let said = from_words(words)? == roster.hash().0;
            let message = "the words are not those of this roster: somebody has another one".to_owned();
            let help = "do not go on before all of you know why";
            return if said { Ok(()) } else { Err(Failure::Refused { message, help }) };
        }
        if !confirm::has_terminal() {
            let message = "the words must be compared, and there is no terminal to ask on";
            return Err(Failure::usage(message, "give the words that another custodian said with `--words`"));
        }
        let view = RosterView::new(roster, None);
        confirm::ask(&format!("{}\nHave the others read out the same words to you?", view.words_text()))
    }
}
