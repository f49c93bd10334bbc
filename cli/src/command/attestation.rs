use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use hufu_sdk::attestation::{self, Evidence, INPUT_LEN_MAX};

use crate::{app::App, failure::Failure, input, time::parse_time, view::attestation::StatementView};

#[derive(Debug, Args)]
pub(crate) struct VerifyAttestation {
    /// The statement: an attestation certificate, or a `.p7b` file
    #[arg(value_name = "STATEMENT")]
    statement: PathBuf,
    /// The public key that is asked about, as `hufu key public` writes it, or a certificate request
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The vendor's root certificate, or several: get it from the vendor, not with the statement
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// Further intermediate certificates
    #[arg(long, value_name = "FILE")]
    intermediate: Option<PathBuf>,
    /// When the certificates must be valid [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<SystemTime>,
}

impl VerifyAttestation {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        let read = |path: &Path, what| input::read(path, INPUT_LEN_MAX, what);
        let statement = read(&self.statement, "a statement")?;
        let public_key = read(&self.key, "a public key")?;
        let anchors = read(&self.anchor, "root certificates")?;
        let intermediates = self.intermediate.as_deref().map(|path| read(path, "intermediate certificates"));
        let intermediates = intermediates.transpose()?.unwrap_or_default();
        let at_ms = millis(self.at.unwrap_or_else(SystemTime::now));
        let verified = attestation::verify(&Evidence {
            statement: &statement,
            intermediates: &intermediates,
            anchors: &anchors,
            public_key: &public_key,
            at_ms,
        })?;
        app.output.show(&StatementView::new(&verified, at_ms))
    }
}

/// Times before 1970 are 0: no certificate is valid then.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
