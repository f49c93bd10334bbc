use std::time::{Duration, SystemTime};

use clap::Args;
use hufu_sdk::{KeyRef, Word as _, v1};

use crate::{
    app::App,
    args::word,
    confirm::{confirm, confirm_where_possible},
    failure::Failure,
    time::{duration_text, parse_duration, parse_time},
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
    /// Why (RFC 5280, whose spelling `keyCompromise` is read too); `certificate-hold` only suspends, and can be resumed
    #[arg(long, value_parser = word::<v1::RevocationReason>(), ignore_case = true)]
    reason: v1::RevocationReason,
    /// Since when the key is believed to be compromised, for example 2025-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    compromised_at: Option<SystemTime>,
    /// Do not ask; without a terminal nothing is asked anyway
    #[arg(long, short)]
    yes: bool,
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
        // A hold can be lifted again.
        if self.reason != v1::RevocationReason::CertificateHold {
            let question = format!("Revoke {} for ever ({})?", which(&self.key), self.reason.word());
            confirm_where_possible(&question, self.yes)?;
        }
        show(app, &client.revoke_key_version(&self.key, self.reason, self.compromised_at).await?)
    }
}

impl ScheduleDestroy {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let after = duration_text(self.after);
        confirm(&format!("Destroy {} for ever, {after} from now?", which(&self.key)), self.yes)?;
        show(app, &client.schedule_destroy_key_version(&self.key, self.after).await?)
    }
}

impl CancelDestroy {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        show(app, &app.client()?.cancel_destroy_key_version(&self.key).await?)
    }
}

fn which(key: &KeyRef) -> String {
    match key.version() {
        Some(_) => format!("`{key}`"),
        None => format!("the newest version of `{key}`"),
    }
}

fn show(app: &App, version: &v1::KeyVersion) -> Result<(), Failure> {
    app.output.show(&VersionView::new(version))
}
