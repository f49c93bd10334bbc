//! A custodian's share for a ceremony: given away when everything was checked, and not before.

use std::path::PathBuf;

use clap::Args;
use hufu_ceremony::{Act, BroughtShare, Ceremony, Fingerprint, Refusal, SignedEvidence, Target, TargetEvidence};
use hufu_custodian::{Label, VerifyingKey};
use hufu_sdk::{Client, v1};
use hufu_shares::{Share, Subject};

use super::online::name;
use crate::{
    app::App,
    confirm::confirm,
    custody::{access::Access, files, now_ms, share, transcripts::Known},
    failure::Failure,
    sink,
    view::{ceremonies::CeremonyView, target::ShareView},
};

#[derive(Debug, Args)]
pub(crate) struct SubmitShare {
    /// The number of the ceremony's request
    #[arg(value_name = "NUMBER", value_parser = name)]
    ceremony: String,
    /// The key file
    #[arg(long = "key", visible_alias = "as", value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    access: Access,
    /// The share
    #[arg(long, value_name = "FILE")]
    share: PathBuf,
    /// The pin of the roster
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
    /// The log's public key, which deals shares, closes transcripts and signs what is said of targets
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// The policy, in TOML: the ceremony must be bound to it
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The transcript of the ceremony so far, instead of the service's
    #[arg(long, value_name = "FILE", requires_all = ["evidence", "out"])]
    transcript: Option<PathBuf>,
    /// An earlier transcript of the same ceremony, which you have kept: nothing of it may be missing
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// The evidence of the target (`hufu ceremony target --out`), instead of the service's
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Write the sealed share to a file and bring it to nobody: `hufu ceremony submit` does that
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Do not ask before the share is sealed
    #[arg(long)]
    yes: bool,
}

impl SubmitShare {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let service = share::read_log_key(&self.log_key)?;
        let ceremony = self.judged(app).await?;
        ceremony.check_before_sharing(now_ms())?;
        let request = ceremony.request();
        let target = request.act.target().ok_or_else(|| refused("this kind of ceremony has no target for shares"))?;
        let evidence = self.evidence_of(app, target, &service).await?;
        evidence.supports(target, request.deployment.as_str())?;
        let own = files::read(&self.share, Label::Share, Share::from_bytes)?;
        check_share(&ceremony, &own, &service)?;
        let file = files::read_keys(&self.key)?;
        let view = ShareView::new(&ceremony, &own, &evidence);
        confirm(&view.question(), self.yes)?;
        let keys = self.access.open(&file)?;
        let opened = own.open(&service, &keys)?;
        let resealed = opened.reseal(&evidence.sealing_key, &ceremony.digest().0)?;
        let signed = share::sign(file.custodian(), &keys, resealed.statement())?;
        let sealed = resealed.signed(signed).to_bytes();
        let digest = BroughtShare::digest(&sealed);
        let to = Fingerprint(evidence.sealing_key.fingerprint());
        let index = u32::from(own.index());
        let statement = ceremony.share_statement(&file.custodian().name, index, digest, Some(to));
        let statement = statement.ok_or_else(|| refused("this kind of ceremony takes no shares"))?;
        let statement = share::sign(file.custodian(), &keys, statement.to_bytes())?.to_bytes();
        match &self.out {
            Some(out) => {
                let brought = BroughtShare { statement, sealed }.to_bytes();
                files::write(out, Label::CeremonyShare, &brought, sink::Access::Public)?;
                app.remark(out, &view)
            }
            None => {
                let brought = app.client()?.submit_ceremony_share(&self.ceremony, statement, sealed).await?;
                app.output.show(&CeremonyView::new(&brought))
            }
        }
    }

    /// The ceremony, every event of it judged by the own pins.
    async fn judged(&self, app: &App) -> Result<Ceremony, Failure> {
        let known = Known::read(&self.pin, &self.log_key, Some(&self.policy))?.having_read(self.before.as_deref())?;
        let transcript = match &self.transcript {
            Some(transcript) => files::read_transcript(transcript)?,
            None => app.client()?.ceremony_transcript(&self.ceremony).await?,
        };
        let ceremony = known.verify(&transcript)?.ceremony().clone();
        if format!("ceremonies/{}", ceremony.request().number) == self.ceremony {
            return Ok(ceremony);
        }
        Err(Refusal::OtherCeremony.into())
    }

    async fn evidence_of(
        &self,
        app: &App,
        target: &Target,
        service: &VerifyingKey,
    ) -> Result<TargetEvidence, Failure> {
        let signed = match &self.evidence {
            Some(evidence) => files::read(evidence, Label::TargetEvidence, SignedEvidence::from_bytes)?,
            None => {
                let found = app.client()?.share_target(&hex::encode(target.sealing_key.0)).await?;
                SignedEvidence::from_bytes(&found.evidence)?
            }
        };
        Ok(signed.verify(service)?)
    }
}

/// Brings a share that was written to a file.
pub(super) async fn bring(client: &Client, ceremony: &str, file: &[u8]) -> Result<v1::Ceremony, Failure> {
    let BroughtShare { statement, sealed } = BroughtShare::from_bytes(file)?;
    Ok(client.submit_ceremony_share(ceremony, statement, sealed).await?)
}

/// Whether the share is of the set and epoch that was approved, of what the request names.
fn check_share(ceremony: &Ceremony, own: &Share, dealer: &VerifyingKey) -> Result<(), Failure> {
    let wanted = ceremony.request().act.shares().ok_or_else(|| refused("this kind of ceremony takes no shares"))?;
    let manifest = own.manifest().verify(dealer)?;
    let same = own.manifest().digest().0 == wanted.manifest.0
        && manifest.set().0 == wanted.set.0
        && manifest.epoch() == wanted.epoch;
    check_subject(&ceremony.request().act, manifest.subject())?;
    if same {
        return Ok(());
    }
    let (set, epoch) = (manifest.set(), manifest.epoch());
    let message = format!("the share is of set {set}, epoch {epoch}, and the request asks for another");
    Err(Failure::Refused { message, help: "take the share of the set and epoch that the request names" })
}

/// Whether what the share is of is what people approved: the service, which wrote the set's name into the request, is not believed. A
/// root is handed over in its own way, never here.
fn check_subject(act: &Act, subject: &Subject) -> Result<(), Failure> {
    let (name, public_key) = (subject.name.as_str(), subject.public_key);
    let is_it = match act {
        Act::Recovery(act) | Act::Drill(act) => {
            let version = format!("{}/versions/{}", act.key.as_str(), act.version);
            let is_named =
                if act.key.as_str().contains("/deposits/") { name == act.key.as_str() } else { name == version };
            is_named && public_key == act.public_key.map(|named| named.0)
        }
        Act::Refresh(act) => name == act.subject.as_str(),
        Act::Reshare(act) => name == act.subject.as_str(),
        _ => false,
    };
    if is_it {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!("the share is of `{name}`, and that is not what the request says"),
        help: "do not give it: tell the others who approved, and ask who wrote the request",
    })
}

fn refused(message: &str) -> Failure {
    Failure::Refused { message: message.to_owned(), help: "read the request: `hufu ceremony words`" }
}

#[cfg(test)]
mod tests {
    use hufu_ceremony::Request;

    use super::*;

    fn act(file: &str) -> Act {
        Request::from_toml(file).unwrap().act
    }

    /// A service that names another key's share set in the request gets no share of that key.
    #[test]
    fn a_share_is_given_for_what_it_is_of() {
        let recovery = act(include_str!("../../../../docs/ceremonies/recovery.toml"));
        let Act::Recovery(of) = &recovery else { unreachable!("the example of a recovery") };
        let public_key = of.public_key.map(|named| named.0);
        let subject = |name: &str, public_key| Subject { name: name.to_owned(), public_key };
        let named = format!("{}/versions/{}", of.key.as_str(), of.version);
        assert!(check_subject(&recovery, &subject(&named, public_key)).is_ok());
        for wrong in [
            subject("tenants/acme/keys/payroll/versions/2", public_key),
            subject(&named, Some([1; 32])),
            subject(&named, None),
            subject(of.key.as_str(), public_key),
            subject("root/custodians", None),
        ] {
            let error = check_subject(&recovery, &wrong).unwrap_err();
            assert!(error.to_string().contains(&wrong.name), "{error}");
        }
        for anew in [
            include_str!("../../../../docs/ceremonies/refresh.toml"),
            include_str!("../../../../docs/ceremonies/reshare.toml"),
        ] {
            assert!(check_subject(&act(anew), &subject(&named, public_key)).is_ok());
            for wrong in ["tenants/acme/keys/payroll/versions/2", "tenants/acme/keys/archive", "root/custodians"] {
                assert!(check_subject(&act(anew), &subject(wrong, public_key)).is_err(), "{wrong}");
            }
            let of_another = anew.replace(&named, "root/custodians");
            assert!(check_subject(&act(&of_another), &subject(&named, public_key)).is_err());
        }
    }
}
