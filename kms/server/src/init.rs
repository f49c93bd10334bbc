//! `hufud init`: begins an installation.

use std::io::{self, Write as _};

use hufu_wiring::{Begun, Config, Splitting};

use crate::args::InitWork;
use crate::daemon::DaemonError;

/// Begins it, and tells what was made.
///
/// # Errors
/// [`DaemonError::Open`] when there is an installation already, or one cannot be begun.
pub async fn run(work: &InitWork) -> Result<(), DaemonError> {
    let config = Config::from_file(&work.config).map_err(hufu_wiring::Error::from)?;
    let splitting = work.threshold.zip(work.out.clone()).map(|(threshold, out)| Splitting {
        threshold,
        custodians: work.custodians.clone(),
        words: work.words.clone().unwrap_or_default(),
        out,
    });
    let begun = hufu_wiring::init(&config, splitting).await?;
    Ok(tell(&begun, work)?)
}

fn tell(begun: &Begun, work: &InitWork) -> Result<(), io::Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "the installation is begun")?;
    writeln!(out, "log key {}", begun.log_key)?;
    let Some((digest, custodians)) = &begun.split else { return Ok(()) };
    let threshold = work.threshold.unwrap_or_default();
    writeln!(out, "the root is split: any {threshold} of {} shares open the server", custodians.len())?;
    writeln!(out, "manifest of the shares {digest}")?;
    let directory = work.out.as_deref().unwrap_or_else(|| std::path::Path::new("."));
    for name in custodians {
        writeln!(out, "  {}", directory.join(format!("{name}.share")).display())?;
    }
    writeln!(out, "  {}", directory.join("log.pub").display())?;
    writeln!(
        out,
        "  {}, what was done, to be verified with `hufu ceremony verify`",
        directory.join("root.transcript").display()
    )?;
    writeln!(
        out,
        "Give each custodian the share and `log.pub`, and compare the log key and the manifest another way."
    )?;
    writeln!(out, "Keep copies: when fewer than {threshold} shares are left, everything under this root is lost.")?;
    out.flush()
}
