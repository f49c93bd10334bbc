use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use hufu_sdk::{Client, v1};

use crate::{
    app::App,
    confirm::confirm,
    failure::Failure,
    time::{duration_text, parse_duration},
    view::tenant::{TenantKeyView, progress_text},
};

/// Pause between looks at a rotation.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Which wrapping key the tenant has, and how far its rotation is
    ShowKey(ShowKey),
    /// Give the tenant a new wrapping key; its software keys follow in the background, then the old one is destroyed
    RotateKey(RotateKey),
}

#[derive(Debug, Args)]
pub(crate) struct ShowKey {
    /// The tenant; it must be the caller's [default: the profile's]
    tenant: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// The tenant; it must be the caller's [default: the profile's]
    tenant: Option<String>,
    /// Wait so long until the old wrapping key is destroyed, and tell how far it is
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    wait: Option<Duration>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::ShowKey(command) => command.run(app).await,
            Self::RotateKey(command) => command.run(app).await,
        }
    }
}

impl ShowKey {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let client = own(app, self.tenant.as_deref())?;
        app.output.show(&TenantKeyView::new(&client.tenant_key().await?))
    }
}

impl RotateKey {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let client = own(app, self.tenant.as_deref())?;
        let tenant = client.tenant();
        let question = format!(
            "Give the tenant `{tenant}` a new wrapping key? The old one is destroyed when nothing is under it; backups from before need it."
        );
        confirm(&question, self.yes)?;
        let mut key = client.rotate_tenant_key().await?;
        if let Some(longest) = self.wait {
            key = wait_for(&client, key, longest).await?;
        }
        app.output.show(&TenantKeyView::new(&key))
    }
}

/// A client of the tenant that was named, if one was.
fn own(app: &App, named: Option<&str>) -> Result<Client, Failure> {
    let client = app.client()?;
    match named {
        Some(named) if named != client.tenant() => {
            let message = format!("the profile is of the tenant `{}`, not of `{named}`", client.tenant());
            Err(Failure::usage(message, "choose a profile of that tenant with `--profile`"))
        }
        _ => Ok(client),
    }
}

/// Looks until the rotation has ended, or cannot.
async fn wait_for(client: &Client, mut key: v1::TenantKey, longest: Duration) -> Result<v1::TenantKey, Failure> {
    let begin = Instant::now();
    while let Some(rotation) = key.rotation {
        tell(&rotation);
        if rotation.left > 0 {
            let message =
                format!("{} cannot be brought under the new wrapping key: the old one is kept", rotation.left);
            return Err(Failure::Refused { message, help: "`hufu status` tells which, among the alarms" });
        }
        if begin.elapsed() >= longest {
            let message = format!("not done after {}: {}", duration_text(longest), progress_text(&rotation));
            return Err(Failure::Negative(message));
        }
        tokio::time::sleep(PAUSE).await;
        key = client.tenant_key().await?;
    }
    Ok(key)
}

/// Tells people how far it is. That nobody reads it is no failure.
fn tell(rotation: &v1::TenantKeyRotation) {
    if io::stderr().is_terminal() {
        drop(writeln!(io::stderr(), "{}", progress_text(rotation)));
    }
}
