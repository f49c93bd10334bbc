use std::time::{Duration, SystemTime};

use clap::Args;
use hufu_sdk::{KeyRef, v1};

use crate::{
    app::App,
    args::word,
    confirm::confirm,
    failure::Failure,
    time::{parse_duration, parse_time},
    view::version::VersionView,
};

#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// Version, or the newest one of a key
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
}

#[derive(Debug, Args)]
pub(crate) struct Suspend {
    /// Version, or the newest one of a key
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Version, or the newest one of a key
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Version, or the newest one of a key
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// Why (RFC 5280); also spelled as there, for example `keyCompromise`
    #[arg(long, value_parser = word::<v1::RevocationReason>(), ignore_case = true)]
    reason: v1::RevocationReason,
    /// Since when the key is believed to be compromised, for example 2025-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    compromised_at: Option<SystemTime>,
}

#[derive(Debug, Args)]
pub(crate) struct ScheduleDestroy {
    /// Version, or the newest one of a key
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// How long it can still be taken back, for example `7d`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    after: Duration,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelDestroy {
    /// Version, or the newest one of a key
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
}

impl Activate {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        show(app, &app.client()?.activate_key_version(&self.key).await?)
    }
}

impl Suspend {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        show(app, &app.client()?.suspend_key_version(&self.key).await?)
    }
}

impl Resume {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        show(app, &app.client()?.resume_key_version(&self.key).await?)
    }
}

impl Revoke {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        show(app, &client.revoke_key_version(&self.key, self.reason, self.compromised_at).await?)
    }
}

impl ScheduleDestroy {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let after = humantime::format_duration(self.after);
        let which = match self.key.version() {
            Some(_) => format!("`{}`", self.key),
            None => format!("the newest version of `{}`", self.key),
        };
        confirm(&format!("Destroy {which} for ever, {after} from now?"), self.yes)?;
        show(app, &client.schedule_destroy_key_version(&self.key, self.after).await?)
    }
}

impl CancelDestroy {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        show(app, &app.client()?.cancel_destroy_key_version(&self.key).await?)
    }
}

fn show(app: &App, version: &v1::KeyVersion) -> Result<(), Failure> {
    app.output.show(&VersionView::new(version))
}
