//! `hufud init`: lays the foundation of an installation and ends. Without an HSM the root is split before anything rests on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::ambient::{Clock, Rng};
use hufu_core::backend::{KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::changeset::Collection;
use hufu_core::record::Deployment;
use hufu_custodian::{Label, Name, Roster, VerifyingKey, armour, from_words, words};
use hufu_engine::{BeforeFirst, beginning_of_root};
use hufu_sealed::{MasterKey, SealedBackend};
use hufu_shares::{ManifestDigest, ROOT_SUBJECT, RootRecord, RootTranscript, Subject, Terms, deal};
use parking_lot::Mutex;

use crate::config::{Config, CustodiansConfig};
use crate::files;
use crate::identities::invalid;
use crate::open::{Ambient, Base, Error, check_origin, log_verifier_key, open_outside, open_store};
use crate::service::stop_journal;
use crate::split_root::{read_roster, refused};
use crate::{hsm, production, roots};

/// Longest wait for the log key.
const SIGN_TIMEOUT: Duration = Duration::from_secs(30);
/// The log's public key, beside the shares: nobody can ask a server that is sealed for it.
const LOG_KEY_FILE: &str = "log.pub";
/// What was done, beside the shares too: closed by the log's key, and still without the ledger's receipt.
const TRANSCRIPT_FILE: &str = "root.transcript";
/// The role of those who get a share when nobody is named.
const CUSTODIAN_ROLE: &str = "custodian";

/// How a root is split.
pub struct Splitting {
    /// How many shares make the root.
    pub threshold: u8,
    /// Who gets one; everyone of the roster with the role `custodian` when empty.
    pub custodians: Vec<String>,
    /// The words of the roster's hash, as somebody said them who has it pinned.
    pub words: String,
    /// A new directory for the shares, each sealed to its custodian, and for the log's public key.
    pub out: PathBuf,
}

/// What was begun.
pub struct Begun {
    /// The log's public key, with its origin before it (C2SP signed-note).
    pub log_key: String,
    /// Without an HSM: the digest of the shares' manifest, and whose shares were written.
    pub split: Option<(ManifestDigest, Vec<Name>)>,
}

/// Makes root key and log key and commits the deployment.
///
/// # Errors
/// [`Error::Begun`] when the database holds one; [`Error::Split`]; those of a start.
pub async fn init(config: &Config, splitting: Option<Splitting>) -> Result<Begun, Error> {
    check_origin(&config.ledger.origin)?;
    config.check_tokens()?;
    roots::check(config)?;
    let ambient = Ambient::new();
    let store = open_store(&config.storage, config.mode).await?;
    if store.get(Collection::Meta, Deployment::ID).await?.is_some() {
        return Err(Error::Begun);
    }
    open_outside(config, store.as_ref()).await?;
    let (token, split) = match (&config.custodians, splitting) {
        (None, None) => (hsm::open(config, &ambient, None)?, None),
        (None, Some(_)) => {
            return Err(invalid("custodians", "is missing: the root is in a token and not split").into());
        }
        (Some(_), None) => return Err(Error::Split("say how: `--threshold` and `--out`".to_owned())),
        (Some(custodians), Some(splitting)) => begin_split(custodians, &config.ledger.origin, splitting, &ambient)?,
    };
    production::check(config, token.as_ref())?;
    let more_roots = hsm::open_roots(config)?;
    let base = Base::start(store, ambient).await?;
    let before = split.clone().map(|split| split as Arc<dyn BeforeFirst>);
    let foundation = base.foundation(config, token, more_roots, before).await?;
    let deployment = foundation.deployment.clone();
    drop(foundation);
    let Base { thread, journal, .. } = base;
    drop(journal);
    stop_journal(thread).await;
    let split = split.and_then(|split| split.dealt.lock().take());
    Ok(Begun { log_key: log_verifier_key(&deployment)?.to_string(), split })
}

type Place = (Arc<dyn KeyBackend>, Option<Arc<Split>>);

fn begin_split(
    custodians: &CustodiansConfig,
    deployment: &str,
    how: Splitting,
    ambient: &Ambient,
) -> Result<Place, Error> {
    let roster = read_roster(custodians)?;
    if roster.deployment() != deployment {
        let of = roster.deployment();
        return Err(Error::Split(format!("the roster is of `{of}`, and `ledger.origin` names `{deployment}`")));
    }
    if from_words(&how.words).map_err(refused)? != roster.hash().0 {
        let found = words(&roster.hash().0);
        return Err(Error::Split(format!("the words are not those of the roster in the file, which are: {found}")));
    }
    let holders = holders(&roster, &how.custodians)?;
    let master = Arc::new(MasterKey::generate(ambient.rng.as_ref()).map_err(hufu_core::Error::internal)?);
    let token = Arc::new(SealedBackend::new(master.clone(), ambient.rng.clone())?);
    let files = Files { set: custodians.set.clone(), out: how.out };
    files.check_new()?;
    let (rng, clock, threshold, dealt) =
        (ambient.rng.clone(), ambient.clock.clone(), how.threshold, Mutex::default());
    Ok((token, Some(Arc::new(Split { roster, holders, threshold, master, files, rng, clock, dealt }))))
}

fn holders(roster: &Roster, named: &[String]) -> Result<Vec<Name>, Error> {
    if named.is_empty() {
        let role: Name = CUSTODIAN_ROLE.parse().map_err(refused)?;
        return Ok(roster
            .custodians()
            .iter()
            .filter(|one| one.has_role(&role))
            .map(|one| one.name.clone())
            .collect());
    }
    named.iter().map(|name| Ok(roster.find(&name.parse().map_err(refused)?).map_err(refused)?.name.clone())).collect()
}

/// A root on its way into the hands of its custodians.
struct Split {
    roster: Roster,
    holders: Vec<Name>,
    threshold: u8,
    master: Arc<MasterKey>,
    files: Files,
    rng: Arc<dyn Rng>,
    clock: Arc<dyn Clock>,
    dealt: Mutex<Option<(ManifestDigest, Vec<Name>)>>,
}

impl Split {
    /// Deals the shares under the log's signature, and has them on the disk with what is written down of it.
    async fn deal(&self, of: &Deployment, token: &dyn KeyBackend, log_key: &KeyHandle) -> Result<RootRecord, Error> {
        let dealer = VerifyingKey::from_spki(&of.log_public_key).map_err(refused)?;
        let subject = Subject { name: format!("{ROOT_SUBJECT}{}", of.id), public_key: None };
        let terms = Terms {
            subject: &subject,
            threshold: self.threshold,
            holders: &self.holders,
            roster: &self.roster,
            dealer: &dealer,
            now_ms: self.clock.now_ms(),
            after: None,
        };
        let master = self.master.read().map_err(refused)?;
        let dealt = deal(&terms, &master, self.rng.as_ref()).map_err(refused)?;
        let signature = sign(token, log_key, &dealt.statement()).await?;
        let (manifest, shares) = dealt.signed(&signature).map_err(refused)?;
        let shares = self.holders.iter().zip(&shares).map(|(name, share)| (name, share.to_bytes()));
        self.files.write(&manifest.to_bytes(), shares, &log_verifier_key(of)?.to_string())?;
        let record = beginning_of_root(&of.log_origin, &self.roster, &manifest);
        let open = RootTranscript::open(&record, Vec::new(), Vec::new());
        let signature = sign(token, log_key, &open.closing()).await?;
        let transcript = self.files.out.join(TRANSCRIPT_FILE);
        write_armour(&transcript, Label::RootTranscript, &open.closed(signature).to_bytes())?;
        *self.dealt.lock() = Some((manifest.digest(), self.holders.clone()));
        Ok(record)
    }
}

async fn sign(token: &dyn KeyBackend, log_key: &KeyHandle, message: &[u8]) -> Result<Vec<u8>, Error> {
    let sign = Operation::Sign(log_key, SignInput::Message(message));
    match token.perform(sign, Instant::now() + SIGN_TIMEOUT).await.map_err(refused)? {
        Outcome::Bytes(signature) => Ok(signature),
        _ => Err(Error::Split("the log key answered out of turn".to_owned())),
    }
}

impl BeforeFirst for Split {
    fn make_safe<'a>(
        &'a self,
        deployment: &'a Deployment,
        token: &'a dyn KeyBackend,
        log_key: &'a KeyHandle,
    ) -> BoxFuture<'a, Result<RootRecord, String>> {
        Box::pin(async move { self.deal(deployment, token, log_key).await.map_err(|error| error.to_string()) })
    }
}

/// Where a splitting is written.
struct Files {
    set: PathBuf,
    out: PathBuf,
}

impl Files {
    /// An earlier splitting is never written over: its shares may be all that is left of a root.
    fn check_new(&self) -> Result<(), Error> {
        for path in [&self.set, &self.out] {
            if path.exists() {
                let why = "is there, and may be the root of another database: is `storage` the right one? Only if an earlier \
                           `hufud init` was cut off before it said that the installation is begun may it be moved away";
                return Err(Error::Split(format!("`{}` {why}", path.display())));
            }
        }
        Ok(())
    }

    fn write<'a>(
        &self,
        manifest: &[u8],
        shares: impl Iterator<Item = (&'a Name, Vec<u8>)>,
        log_key: &str,
    ) -> Result<(), Error> {
        files::private_dir(&self.out).map_err(|error| Error::File(self.out.clone(), error))?;
        for (name, share) in shares {
            write_armour(&self.out.join(format!("{name}.share")), Label::Share, &share)?;
        }
        write(&self.out.join(LOG_KEY_FILE), &format!("{log_key}\n"))?;
        write_armour(&self.set, Label::ShareManifest, manifest)
    }
}

fn write_armour(path: &Path, label: Label, bytes: &[u8]) -> Result<(), Error> {
    write(path, &armour::write(label, bytes).map_err(refused)?)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    files::replace(path, text.as_bytes()).map_err(|error| Error::File(path.to_owned(), error))
}
