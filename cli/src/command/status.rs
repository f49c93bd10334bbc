use std::time::{Duration, Instant};

use clap::Args;
use hufu_sdk::{Error, ProfileError, v1};

use crate::{app::App, failure::Failure, time::parse_duration, view::status::StatusView};

/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Wait so long until the service answers, for example after `hufud --dev &`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    wait: Option<Duration>,
}

impl Status {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let status = match self.wait {
            Some(wait) => wait_for(app, wait).await?,
            None => ask(app).await?,
        };
        app.output.show(&StatusView::new(&status))
    }
}

async fn ask(app: &App) -> Result<v1::Status, Failure> {
    Ok(app.client()?.status().await?)
}

async fn wait_for(app: &App, wait: Duration) -> Result<v1::Status, Failure> {
    let begin = Instant::now();
    loop {
        let left = wait.saturating_sub(begin.elapsed());
        let timeout = app.timeout.unwrap_or(left).min(left).max(PAUSE);
        // Each attempt reads the profile anew: a development start has yet to write it.
        match ask(&App { profile: app.profile.clone(), output: app.output, timeout: Some(timeout) }).await {
            Err(failure) if may_come(&failure) && begin.elapsed() + PAUSE < wait => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// Whether the failure is that of a service which has not begun to serve.
fn may_come(failure: &Failure) -> bool {
    match failure {
        // There is no profile yet.
        Failure::Usage { .. } => true,
        Failure::Sdk(Error::Profile(ProfileError::Read { .. })) => true,
        Failure::Sdk(Error::Transport { .. } | Error::Unavailable { .. }) => true,
        _ => false,
    }
}
