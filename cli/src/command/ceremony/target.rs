//! Targets: where the shares of a recovery or a drill go.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hufu_ceremony::{SignedEvidence, TargetEvidence};
use hufu_custodian::Label;
use hufu_sdk::{KeyRef, v1};
use hufu_shares::SignedManifest;

use crate::{
    app::App,
    command::key_without_version,
    custody::{files, share::read_log_key},
    failure::Failure,
    sink,
    view::target::TargetView,
};

/// Where a target is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// In the HSM
    Hsm,
    /// In the service's memory; nothing attests it
    Process,
}

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The key that is to be recovered
    #[arg(value_name = "KEY", value_parser = key_without_version)]
    key: KeyRef,
    /// Its version
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    version: u64,
    /// Where the shares come together
    #[arg(long, value_name = "KIND", default_value = "hsm")]
    kind: Kind,
    /// For a drill: a recovery that is rehearsed on the real shares, and leaves nothing
    #[arg(long)]
    drill: bool,
    /// The log's public key, which signs what is said of the target
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// Where the evidence goes, for custodians who have no access to the service
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Target {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let key = client.key(&self.key).await?;
        let version = client.key_version(&self.key.at(self.version)).await?;
        if version.share_set.is_empty() {
            let message = format!("`{}` has no share set: nobody can recover it", version.name);
            return Err(Failure::Refused { message, help: "name a version that was made with custodians" });
        }
        let set = client.share_set(&version.share_set).await?;
        let kind = match self.kind {
            Kind::Hsm => v1::share_target::Kind::Hsm,
            Kind::Process => v1::share_target::Kind::Process,
        };
        let current = set.current.unwrap_or_default().manifest;
        let signed = SignedManifest::from_bytes(&current)?;
        let manifest = signed.verify(&read_log_key(&self.log_key)?)?;
        if manifest.subject().name != version.name {
            let message = format!("the share set is of `{}`, not of `{}`", manifest.subject().name, version.name);
            return Err(Failure::Refused {
                message,
                help: "do not go on: the service names a set of something else",
            });
        }
        let target = client.create_share_target(&key.name, kind).await?;
        let evidence = read(&target.evidence, &self.log_key)?;
        if let Some(out) = &self.out {
            files::write(out, Label::TargetEvidence, &target.evidence, sink::Access::Public)?;
        }
        app.output.show(&TargetView::new(self.drill, &version, manifest, (&target, &evidence)))
    }
}

/// What the service says of a target, if its log's key has signed it.
pub(super) fn read(evidence: &[u8], log_key: &std::path::Path) -> Result<TargetEvidence, Failure> {
    Ok(SignedEvidence::from_bytes(evidence)?.verify(&read_log_key(log_key)?)?)
}
