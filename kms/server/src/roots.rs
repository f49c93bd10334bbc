//! `hufud root`: the work of the server's operator on root slots.

use std::io::{self, BufRead as _, Write as _};
use std::path::Path;

use hufu_wiring::{Config, MoveStep, Renewal, RootAdmin, RootReport};

use crate::args::RootWork;
use crate::daemon::DaemonError;

/// Longest answer that is read, in bytes.
const ANSWER_LEN_MAX: u64 = 256;

/// Does what the command line says.
///
/// # Errors
/// [`DaemonError::Open`] when the installation cannot be opened or the work is refused, [`DaemonError::Unconfirmed`].
pub async fn run(work: &RootWork) -> Result<(), DaemonError> {
    let (RootWork::Show { config }
    | RootWork::Move { config, .. }
    | RootWork::Rotate { config, .. }
    | RootWork::DestroyKey { config, .. }) = work;
    let admin = open(config).await?;
    let done = perform(&admin, work).await;
    admin.close().await;
    done
}

async fn open(config: &Path) -> Result<RootAdmin, DaemonError> {
    let config = Config::from_file(config).map_err(hufu_wiring::Error::from)?;
    Ok(RootAdmin::open(&config).await?)
}

async fn perform(admin: &RootAdmin, work: &RootWork) -> Result<(), DaemonError> {
    match work {
        RootWork::Show { .. } => {}
        RootWork::Move { from, to, destroy_root_key, yes, .. } => {
            admin.retire(from, to, &tell).await?;
            if *destroy_root_key {
                destroy(admin, from, *yes).await?;
            }
        }
        RootWork::Rotate { slot, .. } => {
            let Renewal { from, to } = admin.renew(slot).await?;
            line(&format!("the new root key is the slot {to}, the old one {from}"))?;
            admin.retire(&from, &to, &tell).await?;
        }
        RootWork::DestroyKey { slot, yes, .. } => destroy(admin, slot, *yes).await?,
    }
    admin.report().await?.iter().try_for_each(show)?;
    Ok(())
}

async fn destroy(admin: &RootAdmin, slot: &str, yes: bool) -> Result<(), DaemonError> {
    if !yes {
        confirm(slot)?;
    }
    admin.destroy_key(slot).await?;
    line(&format!("the root key of {slot} is destroyed"))?;
    Ok(())
}

/// Asks for the slot's name: a root key does not come back.
fn confirm(slot: &str) -> Result<(), DaemonError> {
    let mut out = io::stdout().lock();
    write!(
        out,
        "The root key of `{slot}` will be destroyed on its token. What no other slot wraps, such as an older backup of\n\
         the database, will never open again. Type the slot's name to go on: "
    )?;
    out.flush()?;
    let mut answer = String::new();
    io::Read::take(io::stdin().lock(), ANSWER_LEN_MAX).read_line(&mut answer)?;
    if answer.trim() == slot { Ok(()) } else { Err(DaemonError::Unconfirmed) }
}

fn tell(step: MoveStep) {
    let told = match step {
        MoveStep::Covered(keys) => line(&format!("{keys} keys open under the new slot")),
        MoveStep::Retiring => line("the old slot wraps nothing new"),
        MoveStep::Stripped(keys) => line(&format!("{keys} wrappings of the old slot taken away")),
        MoveStep::Retired => line("nothing rests on the old slot"),
    };
    if let Err(error) = told {
        tracing::warn!(%error, "standard output cannot be written to");
    }
}

fn show(report: &RootReport) -> Result<(), io::Error> {
    let state = report.state.map_or_else(|| "new".to_owned(), |state| state.to_string());
    let there = report.missing.as_ref().map_or_else(|| "there".to_owned(), |why| format!("missing: {why}"));
    let simulated = if report.simulated { ", simulated" } else { "" };
    line(&format!(
        "{}: {state}, wraps {} of {} keys, token {} ({there}{simulated})",
        report.slot, report.wraps, report.keys, report.serial
    ))
}

fn line(text: &str) -> Result<(), io::Error> {
    writeln!(io::stdout().lock(), "{text}")
}
