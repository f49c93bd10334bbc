use std::{
    cell::RefCell,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use hufu_assess::{
    PROFILE_LEN_MAX, Plan, Selector, VendorProfile, check_init_string,
    report::{self, Decision},
};

use crate::{app::App, confirm::confirm, failure::Failure, input, table::clean, view::assessment::AssessmentView};

#[derive(Debug, Args)]
pub(crate) struct Assess {
    /// The vendor's PKCS#11 module
    #[arg(long, value_name = "PATH")]
    module: PathBuf,
    /// The file with the PIN of the normal user. It is presented once; if it is refused, never again
    #[arg(long, value_name = "FILE")]
    pin_file: PathBuf,
    #[command(flatten)]
    token: Token,
    /// The vendor profile: one that ships with Hufu, or a file [default: the one that fits the token]
    #[arg(long, value_name = "NAME|FILE")]
    vendor_profile: Option<String>,
    /// What the module is initialised with, in place of the profile's string
    #[arg(long, value_name = "STRING")]
    init_string: Option<String>,
    /// The directory for the report: report.md with its plots, and report.json
    #[arg(long, value_name = "DIR")]
    report: PathBuf,
    /// Less of everything: a first look, not an admission
    #[arg(long)]
    quick: bool,
    /// Random bytes that are judged [default: 1000000, or 125000 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100_000..=100_000_000))]
    random_bytes: Option<u32>,
    /// Do not ask before writing to the token
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Token {
    /// Serial number of the token
    #[arg(long = "token", value_name = "SERIAL")]
    serial: Option<String>,
    /// Label of the token, if only one has it
    #[arg(long)]
    label: Option<String>,
}

impl Assess {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let token = match (self.token.serial, self.token.label) {
            (Some(serial), _) => Selector::Serial(serial),
            (None, label) => Selector::Label(label.unwrap_or_default()),
        };
        let profile = self.vendor_profile.as_deref().map(vendor_profile).transpose()?;
        let init_string = checked(self.init_string)?;
        let pin = input::read_pin(&self.pin_file)?;
        confirm(&question(&token), self.yes)?;
        let random_len = self.random_bytes.and_then(|count| usize::try_from(count).ok());
        let (module, quick) = (self.module, self.quick);
        let plan = Plan { module, token, pin, profile, init_string, quick, random_len };
        let progress = Progress::default();
        let stop = async {
            // Without a handler the signal ends the program at once, and the keys stay.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending().await
            }
        };
        let assessed = hufu_assess::assess(plan, &|step| progress.tell(step), stop).await;
        progress.end();
        let assessed = assessed?;
        report::write(&assessed, &self.report)?;
        app.output.show(&AssessmentView::new(&assessed, &self.report))?;
        if assessed.verdict.outcome == Decision::Refused { Err(Failure::NotAdmitted) } else { Ok(()) }
    }
}

/// A name, or the path of a file: names have neither dots nor slashes.
fn vendor_profile(named: &str) -> Result<VendorProfile, Failure> {
    let profile = if named.contains(['/', '.']) {
        let text = input::read(Path::new(named), PROFILE_LEN_MAX, "a vendor profile")?;
        let text = str::from_utf8(&text).map_err(|_| Failure::usage(format!("`{named}` is not UTF-8"), ""))?;
        VendorProfile::parse(text)
    } else {
        VendorProfile::named(named)
    };
    profile.map_err(|error| Failure::usage(error.to_string(), ""))
}

fn checked(init_string: Option<String>) -> Result<Option<String>, Failure> {
    let check = |string: &String| check_init_string("--init-string", string);
    init_string.iter().try_for_each(check).map_err(|error| Failure::usage(error.to_string(), ""))?;
    Ok(init_string)
}

fn question(token: &Selector) -> String {
    let token = match token {
        Selector::Serial(serial) => format!("serial number `{}`", clean(serial)),
        Selector::Label(label) => format!("label `{}`", clean(label)),
    };
    format!(
        "This writes temporary keys, labelled `hufu-…`, to the token with {token} and destroys them at the end, keeps it busy, \
         and closes all sessions of this program and logs in again. Other keys are not touched. Go on?"
    )
}

/// What is being done, on standard error: one line that changes on a terminal, else a line for each part.
#[derive(Default)]
struct Progress {
    part: RefCell<String>,
}

impl Progress {
    fn tell(&self, step: &str) {
        let mut err = io::stderr().lock();
        // Nobody is left to be told that standard error is closed.
        let _ = if err.is_terminal() {
            write!(err, "\r\u{1b}[K{}", clean(step)).and_then(|()| err.flush())
        } else {
            let part = step.split(':').next().unwrap_or(step);
            if self.part.replace(part.to_owned()) == part { Ok(()) } else { writeln!(err, "{}", clean(part)) }
        };
    }

    fn end(&self) {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            let _ = write!(err, "\r\u{1b}[K").and_then(|()| err.flush());
        }
    }
}
