//! A custodian's share: opened with the own keys, and handed over.

use std::path::{Path, PathBuf};

use clap::Args;
use hufu_custodian::{Custodian, Label, Signed, Signer as _, VerifyingKey};
use hufu_custodian_keys::{CustodianKeys, KeyFile};
use hufu_sdk::offline::VerifierKey;
use hufu_shares::{HandedOver, HandoverRequest, Manifest, OpenedShare, Share};

use super::{access::Access, files, now_ms};
use crate::{confirm::confirm, failure::Failure, input, time::rfc3339_millis, view::share::HandoverView};

/// A share, and the keys that open it.
#[derive(Debug, Args)]
pub(crate) struct Holding {
    /// The share, as `hufud init` wrote it, or `hufu custodian share fetch`
    #[arg(long, value_name = "FILE")]
    share: PathBuf,
    /// The key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    access: Access,
}

/// A share whose files were read. Nothing is opened yet.
pub(crate) struct Held<'a> {
    pub(crate) share: Share,
    keys: KeyFile,
    access: &'a Access,
}

impl Holding {
    pub(crate) fn read(&self) -> Result<Held<'_>, Failure> {
        let share = files::read(&self.share, Label::Share, Share::from_bytes)?;
        Ok(Held { share, keys: files::read_keys(&self.key)?, access: &self.access })
    }
}

impl Held<'_> {
    /// Opens the share, and checks it against what the dealer committed to.
    pub(crate) fn open(&self, dealer: &VerifyingKey) -> Result<(OpenedShare, CustodianKeys), Failure> {
        // Before a passphrase is asked for.
        self.share.manifest().verify(dealer)?;
        let keys = self.access.open(&self.keys)?;
        Ok((self.share.open(dealer, &keys)?, keys))
    }

    /// What is publicly known of the set. Nobody vouches for it before the share was opened.
    pub(crate) fn manifest(&self) -> &Manifest {
        self.share.manifest().unverified()
    }

    pub(crate) fn custodian(&self) -> &Custodian {
        self.keys.custodian()
    }

    /// Shows what is asked for, asks the custodian, and seals the share to whoever asks, for this request alone.
    pub(crate) fn hand_over(&self, asked: &Asked, yes: bool) -> Result<(HandedOver, HandoverView), Failure> {
        self.check(&asked.request)?;
        let view = HandoverView::new(self, asked);
        confirm(&view.question(), yes)?;
        let named = self.manifest().dealer();
        let (opened, keys) = self.open(asked.dealer.as_ref().unwrap_or(named))?;
        let resealed = opened.reseal(&asked.request.target, &asked.request.digest())?;
        let signed = sign(self.custodian(), &keys, resealed.statement())?;
        Ok((resealed.signed(signed), view))
    }

    fn check(&self, request: &HandoverRequest) -> Result<(), Failure> {
        let (own, asked) = (self.share.manifest().digest(), request.manifest);
        if own != asked {
            let (of, epoch, who) = (self.manifest().set(), self.manifest().epoch(), self.custodian().name.clone());
            let message = format!(
                "the request is for shares of the manifest {asked}; this one, which `{who}` has, is of epoch {epoch} of set {of}, \
                 manifest {own}"
            );
            let help = "take the newest share of that set, and ask whoever sent the request why it is another one";
            return Err(Failure::Refused { message, help });
        }
        if now_ms() >= request.expires_at_ms {
            let at = rfc3339_millis(request.expires_at_ms).unwrap_or_default();
            let help = "have a new one made: `hufu unseal request`";
            return Err(Failure::Refused { message: format!("the request expired at {at}"), help });
        }
        Ok(request.check(self.manifest(), now_ms())?)
    }
}

/// A wish for a share.
pub(crate) struct Asked {
    pub(crate) request: HandoverRequest,
    /// Who asks, as far as the tool knows it.
    pub(crate) by: String,
    /// Who dealt, if the custodian says so; otherwise the dealer whom the share names.
    pub(crate) dealer: Option<VerifyingKey>,
}

/// Reads the key of a deployment's log, which deals its shares and closes its transcripts.
pub(crate) fn read_log_key(path: &Path) -> Result<VerifyingKey, Failure> {
    log_key_of(&input::read_log_key(path)?)
}

/// The log's key, as what it signs for custodians is verified.
pub(crate) fn log_key_of(key: &VerifierKey) -> Result<VerifyingKey, Failure> {
    Ok(VerifyingKey::from_ed25519(key.public_key())?)
}

/// Signs a statement with the custodian's own key.
pub(crate) fn sign(who: &Custodian, keys: &CustodianKeys, statement: Vec<u8>) -> Result<Signed, Failure> {
    let signature = keys.sign(&statement)?;
    Ok(Signed { signer: who.name.clone(), statement, signature })
}
