//! `hufud shares`: the work of a holder's operator on the shares that it has.

use std::io::{self, BufRead as _, Write as _};

use hufu_core::name::VersionName;
use hufu_engine::api::KeptShare;
use hufu_wiring::{Config, Service};

use crate::args::SharesWork;
use crate::daemon::DaemonError;

/// Longest answer that is read, in bytes.
const ANSWER_LEN_MAX: u64 = 256;

/// Does what the command line says.
///
/// # Errors
/// [`DaemonError::Open`] when the holder cannot be opened or the work is refused, [`DaemonError::Role`],
/// [`DaemonError::Unconfirmed`].
pub async fn run(work: &SharesWork) -> Result<(), DaemonError> {
    let (SharesWork::List { config } | SharesWork::Discard { config, .. } | SharesWork::RotateKey { config }) = work;
    let config = Config::from_file(config).map_err(hufu_wiring::Error::from)?;
    if config.holder.is_none() {
        return Err(DaemonError::Role("the file has no section `[holder]`"));
    }
    let service = hufu_wiring::open(config, None).await?;
    let done = perform(&service, work).await;
    service.shutdown().await;
    done
}

async fn perform(service: &Service, work: &SharesWork) -> Result<(), DaemonError> {
    let engine = &service.engine;
    match work {
        SharesWork::List { .. } => {
            let shares = engine.shares_kept().await.map_err(hufu_wiring::Error::from)?;
            shares.iter().try_for_each(show)?;
        }
        SharesWork::Discard { key_version, public_key, yes, .. } => {
            if !yes {
                confirm(key_version)?;
            }
            engine.discard_share(key_version, &public_key.0).await.map_err(hufu_wiring::Error::from)?;
            line("the share is destroyed; backups of this database have it, wrapped")?;
        }
        SharesWork::RotateKey { .. } => {
            let told = engine.rotate_share_key().await.map_err(hufu_wiring::Error::from)?;
            line(&format!("{} shares are under the new key", told.moved))?;
            if told.left > 0 {
                let left = told.left;
                line(&format!("the old key stays: {left} rows of shares are not as they were written"))?;
            }
        }
    }
    Ok(())
}

/// Asks for the version's name: a share does not come back.
fn confirm(name: &VersionName) -> Result<(), DaemonError> {
    let mut out = io::stdout().lock();
    write!(
        out,
        "The share of `{name}` will be destroyed. When too few are left elsewhere, nothing is ever signed with that\n\
         key again. Type the version's name to go on: "
    )?;
    out.flush()?;
    let mut answer = String::new();
    io::Read::take(io::stdin().lock(), ANSWER_LEN_MAX).read_line(&mut answer)?;
    if answer.trim() == name.to_string() { Ok(()) } else { Err(DaemonError::Unconfirmed) }
}

fn show(share: &KeptShare) -> Result<(), io::Error> {
    let KeptShare { key_version, requester, made_at_ms, .. } = share;
    let Some(public_key) = share.public_key.map(hex::encode) else {
        return line(&format!("{key_version}: locked, its row is not as it was written"));
    };
    let state = share.destroyed_at_ms.map_or_else(|| "kept".to_owned(), |at| format!("destroyed at {at} ms"));
    line(&format!(
        "{key_version} public key {public_key}: {state}, made at {made_at_ms} ms under a mandate of {requester}"
    ))
}

fn line(text: &str) -> Result<(), io::Error> {
    writeln!(io::stdout().lock(), "{text}")
}
