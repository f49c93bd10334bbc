use std::path::PathBuf;

use clap::Args;
use hufu_ceremony::{Refusal, Request};
use hufu_custodian::{Custodian, Label};

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
    /// The key file of the proposer
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The pinned roster, if the request's is to be compared with it
    #[arg(long, value_name = "FILE")]
    pin: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
    /// Where the signed request goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Do not ask before it is signed
    #[arg(long)]
    yes: bool,
}

impl Sign {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        let (request, file) = (files::read_request(&self.file)?, files::read_keys(&self.key)?);
        self.check(&request, file.custodian())?;
        let view = RequestView::new(&request);
        confirm(&format!("{}Propose exactly this?", request.words()), self.yes)?;
        let keys = self.access.open(&file)?;
        let proposal = share::sign(file.custodian(), &keys, request.to_bytes())?;
        files::write(&self.out, Label::Request, &proposal.to_bytes(), sink::Access::Public)?;
        app.remark(&self.out, &view)
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
