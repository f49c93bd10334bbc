//! A deposit on its way back: everything is verified here, and the key is put together here.

use std::path::PathBuf;

use clap::Args;
use hufu_ceremony::{Act, Ceremony, Fingerprint, Recovery, State};
use hufu_custodian::VerifyingKey;
use hufu_custodian_keys::CustodianKeys;
use hufu_sdk::{SecretBytes, recovered_key, v1};
use hufu_shares::{Gathering, HandedOver, Manifest, ManifestDigest, Scheme, SignedManifest};

use crate::{
    app::App,
    custody::{access::Access, files, share::read_log_key, transcripts::Known},
    failure::Failure,
    sink,
    view::deposit::RecoveredView,
};

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The deposit
    #[arg(value_name = "NAME")]
    id: String,
    /// The number of the ceremony that released it
    #[arg(long, value_name = "NUMBER")]
    ceremony: u64,
    /// The key file whose sealing key the request named
    #[arg(long = "as", value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    access: Access,
    /// The pin of the roster
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
    /// The log's public key
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// Where the key goes: a file that only its owner can read
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Recover {
    pub(super) async fn run(self, app: &App) -> Result<(), Failure> {
        if sink::is_stdout(&self.out) && sink::stdout_is_terminal() {
            return Err(Failure::usage("a key is not written to a terminal", "name a file with `--out FILE`"));
        }
        let service = read_log_key(&self.log_key)?;
        let profile = app.profile()?;
        let found = app.client_of(&profile)?.fetch_handovers(&format!("ceremonies/{}", self.ceremony)).await?;
        let known = Known::read(&self.pin, &self.log_key, None)?;
        let ceremony = known.verify(&found.transcript)?.ceremony().clone();
        let act = self.released(&ceremony, &profile.tenant)?;
        let file = files::read_keys(&self.key)?;
        if file.custodian().sealing.fingerprint() != act.target.sealing_key.0 {
            let message = "the ceremony released the deposit to another key than that of the key file";
            return Err(refused(message, "take the key file whose sealing key the request names"));
        }
        let keys = self.access.open(&file)?;
        let (manifest, secret, by) = together(&found, &ceremony, act, &service, &keys)?;
        sink::write(&self.out, recovered_key(manifest.scheme(), &secret)?.expose(), sink::Access::Secret)?;
        app.remark(&self.out, &RecoveredView::new(&act.key, self.ceremony, &manifest, &by))
    }

    /// What was approved and done, if it is the recovery of this deposit.
    fn released<'c>(&self, ceremony: &'c Ceremony, tenant: &str) -> Result<&'c Recovery, Failure> {
        let name = format!("tenants/{tenant}/deposits/{}", self.id);
        let request = ceremony.request();
        match &request.act {
            Act::Recovery(act)
                if act.key.as_str() == name
                    && request.number == self.ceremony
                    && ceremony.state() == State::Executed =>
            {
                Ok(act)
            }
            _ => Err(refused(
                &format!("the transcript is not that of an executed recovery of `{name}`"),
                "read it: `hufu ceremony verify`",
            )),
        }
    }
}

/// Opens what was handed over, and puts the key together. It is what was deposited: its manifest, which the log's key signed and the
/// approvers named, commits to it.
fn together(
    found: &v1::FetchHandoversResponse,
    ceremony: &Ceremony,
    act: &Recovery,
    service: &VerifyingKey,
    keys: &CustodianKeys,
) -> Result<(Manifest, SecretBytes, Vec<String>), Failure> {
    let signed = SignedManifest::from_bytes(&found.manifest)?;
    let manifest = signed.verify(service)?.clone();
    let mut gathering = Gathering::new(&signed, &ManifestDigest(act.shares.manifest.0))?;
    if manifest.subject().name != act.key.as_str() || !is_named(act, &manifest) {
        return Err(refused(
            "the shares are of something else than the request names",
            "tell the service's operators",
        ));
    }
    let request = ceremony.digest().0;
    let mut wrong = Vec::new();
    for handover in &found.handovers {
        let taken = HandedOver::from_bytes(handover)
            .and_then(|handover| gathering.take(&handover, ceremony.grounds().roster(), keys, &request));
        if let Err(error) = taken {
            wrong.push(error.to_string());
        }
    }
    if gathering.missing().is_some() && !wrong.is_empty() {
        let message = format!("the shares do not make the key: {}", wrong.join("; "));
        return Err(refused(&message, "ask whoever is named, and begin another ceremony"));
    }
    let secret = gathering.combine()?;
    Ok((manifest, secret, gathering.holders().iter().map(ToString::to_string).collect()))
}

/// Whether the request names the public key that the manifest commits to.
fn is_named(act: &Recovery, manifest: &Manifest) -> bool {
    match manifest.scheme() {
        Scheme::Feldman { .. } => act.public_key == Some(Fingerprint(manifest.fingerprint())),
        Scheme::Shamir { .. } => act.public_key.is_none(),
    }
}

fn refused(message: &str, help: &'static str) -> Failure {
    Failure::Refused { message: message.to_owned(), help }
}
