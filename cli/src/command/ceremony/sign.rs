use std::path::{Path, PathBuf};

use clap::Args;
use hufu_ceremony::{Refusal, Request};
use hufu_custodian::{Custodian, Label, Signed};

use crate::{
    app::App,
    confirm::confirm,
    custody::{access::Access, files, now_ms, share},
    failure::Failure,
    sink,
    view::ceremony::RequestView,
};

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The request, in TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    signing: Signing,
    /// Where the signed request goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Who proposes.
#[derive(Debug, Args)]
pub(crate) struct Signing {
    /// The key file of the proposer
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// The pinned roster, if the request's is to be compared with it
    #[arg(long, value_name = "FILE", requires = "key")]
    pin: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
    /// Do not ask before it is signed
    #[arg(long, requires = "key")]
    yes: bool,
}

impl Sign {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        let missing = || Failure::usage("there is no key to sign with", "name the proposer's key file with `--key`");
        let key = self.signing.key.as_deref().ok_or_else(missing)?;
        let request = files::read_request(&self.file)?;
        let proposal = self.signing.sign(&request, key)?;
        files::write(&self.out, Label::Request, &proposal.to_bytes(), sink::Access::Public)?;
        app.remark(&self.out, &RequestView::new(&request))
    }
}

impl Signing {
    /// Shows the request in words, asks, and signs it as its proposer.
    pub(super) fn sign(&self, request: &Request, key: &Path) -> Result<Signed, Failure> {
        let file = files::read_keys(key)?;
        self.check(request, file.custodian())?;
        confirm(&format!("{}Propose exactly this?", request.words()), self.yes)?;
        let keys = self.access.open(&file)?;
        share::sign(file.custodian(), &keys, request.to_bytes())
    }

    fn check(&self, request: &Request, own: &Custodian) -> Result<(), Failure> {
        if request.proposer != own.name {
            let (signer, named) = (own.name.clone(), request.proposer.clone());
            return Err(Refusal::NotTheSigner { signer, named }.into());
        }
        if now_ms() >= request.expires_at_ms {
            return Err(Refusal::CeremonyExpired.into());
        }
        let Some(pin) = &self.pin else { return Ok(()) };
        if files::read_pin(pin)?.hash() == request.roster { Ok(()) } else { Err(Refusal::OtherRoster.into()) }
    }
}
