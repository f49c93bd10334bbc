use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use hufu_sdk::{
    KeyRef, NewImport, SecretBytes,
    offline::{self, ImportOffer},
    v1,
};

use super::{key_attributes::Attributes, key_without_version};
use crate::{
    app::App,
    args::word,
    confirm::confirm,
    failure::Failure,
    input,
    sink::{self, Access},
    time::parse_duration,
    view::{
        key::KeyView,
        transfer::{ExportView, JobView, OfferView, WrappedView},
        used::UsedView,
    },
};

const PUBLIC_KEY_LEN_MAX: usize = 64 << 10;
/// How long a job waits that is finished at once: one that fails shall not stand among the open ones for a day.
const LIFETIME_AT_ONCE: Duration = Duration::from_secs(120);

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    attributes: Attributes,
    /// The key: PKCS#8 (PEM or DER, not encrypted), or the bytes of a secret key; a file that only its owner may read, or `-`
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    offer: Offer,
    /// The log's public key, as `hufu ledger key` writes it [default: what the service says it is]
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
}

/// What an import job is asked for, beside the key.
#[derive(Debug, Args)]
struct Offer {
    /// The public key that the private key must belong to (PEM) [default: taken from the private key, where it can be]
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Id of the job [default: a random one]
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// What the import key is made of: rsa3072 or rsa4096
    #[arg(long, value_parser = word::<v1::Algorithm>(), ignore_case = true)]
    import_algorithm: Option<v1::Algorithm>,
    /// How long the job waits for the key, for example `2h`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    lifetime: Option<Duration>,
}

/// Import in two steps, for two people or a machine without a network.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportJob {
    /// Make an import key for one key; what it writes goes to whoever has the key
    Create(Box<CreateJob>),
    /// Show where a job stands
    Show(ShowJob),
    /// Check what `create` wrote; needs no service
    Verify(VerifyJob),
    /// Bring the wrapped key in
    Finish(FinishJob),
}

#[derive(Debug, Args)]
pub(crate) struct CreateJob {
    #[command(flatten)]
    attributes: Attributes,
    #[command(flatten)]
    offer: Offer,
    /// Where the offer goes: the import key and the signed statement
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ShowJob {
    /// Id of the job
    #[arg(value_name = "JOB")]
    job: String,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyJob {
    /// The offer
    #[arg(value_name = "OFFER")]
    offer: PathBuf,
    /// The log's public key, as `hufu ledger key` writes it
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct FinishJob {
    /// Id of the job
    #[arg(value_name = "JOB")]
    job: String,
    /// The wrapped key, as `hufu key wrap-for-import` writes it
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct WrapForImport {
    /// The offer, as `hufu key import-job create` writes it
    #[arg(long, value_name = "OFFER")]
    offer: PathBuf,
    /// The log's public key, as `hufu ledger key` writes it
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// The key: PKCS#8 (PEM or DER, not encrypted), or the bytes of a secret key; a file that only its owner may read, or `-`
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    /// Where the wrapped key goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Wrap {
    /// Secret key or version that was created exportable
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// Key of purpose wrap
    #[arg(long, value_name = "NAME[@VERSION]")]
    by: KeyRef,
    /// Where the wrapped key goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Unwrap {
    /// Name of the new key
    #[arg(value_name = "NAME", value_parser = key_without_version)]
    key: KeyRef,
    /// The key that wrapped it
    #[arg(long, value_name = "NAME[@VERSION]")]
    by: KeyRef,
    /// The wrapped key
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Key or version that was created exportable
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// The receiver's public key (PEM): RSA with at least 3072 bits
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Where the wrapped key goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UnwrapExport {
    /// The wrapped key, as `hufu key export` writes it
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    /// The receiver's private key: PKCS#8 (PEM or DER, not encrypted)
    #[arg(long, value_name = "FILE")]
    with: PathBuf,
    /// Where the key goes in clear: PKCS#8 in DER, or the bytes of a secret key; a file is readable by its owner only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Import {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let material = read_secret(&self.file)?;
        let offer = Offer { lifetime: self.offer.lifetime.or(Some(LIFETIME_AT_ONCE)), ..self.offer };
        let public_key = match &offer.public {
            Some(file) => Some(public_key(file)?),
            None if is_pair(self.attributes.algorithm()) => {
                Some(offline::public_key_of(&material).ok_or_else(|| {
                    let help = "name the public key with `--public FILE`";
                    Failure::usage("the public key does not follow from this private key", help)
                })?)
            }
            None => None,
        };
        let client = app.client()?;
        let log_key = match &self.log_key {
            Some(file) => input::read_log_key(file)?,
            None => offline::verifier_key(&client.log_key().await?.verifier_key)?,
        };
        let job = client.create_import_job(offer.job(self.attributes, public_key)?).await?;
        let wrapped = ImportOffer::of(&job).wrap(&log_key, &material)?;
        drop(material);
        let id = job.name.rsplit('/').next().unwrap_or_default();
        let key = client.import_key(id, wrapped).await?;
        app.output.show(&KeyView::new(&key))
    }
}

impl Offer {
    fn job(self, attributes: Attributes, public_key: Option<Vec<u8>>) -> Result<NewImport, Failure> {
        Ok(NewImport {
            job: self.job,
            key: attributes.into_key()?,
            public_key,
            import_algorithm: self.import_algorithm,
            lifetime: self.lifetime,
        })
    }
}

impl ImportJob {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run(app).await,
            Self::Show(command) => {
                let job = app.client()?.import_job(&command.job).await?;
                app.output.show(&JobView::new(&job))
            }
            Self::Verify(command) => {
                let offer = read_offer(&command.offer)?;
                let statement = offer.verify(&input::read_log_key(&command.log_key)?)?;
                app.output.show(&OfferView::new(&statement))
            }
            Self::Finish(command) => {
                let wrapped = input::read(&command.file, offline::WRAPPED_LEN_MAX, "a wrapped key")?;
                let key = app.client()?.import_key(&command.job, wrapped.to_vec()).await?;
                app.output.show(&KeyView::new(&key))
            }
        }
    }
}

impl CreateJob {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let public_key = self.offer.public.as_deref().map(public_key).transpose()?;
        let job = app.client()?.create_import_job(self.offer.job(self.attributes, public_key)?).await?;
        sink::write(&self.out, ImportOffer::of(&job).to_text()?.as_bytes(), Access::Public)?;
        app.remark(&self.out, &JobView::new(&job))
    }
}

impl WrapForImport {
    pub(crate) fn run(&self, app: &App) -> Result<(), Failure> {
        let (offer, log_key) = (read_offer(&self.offer)?, input::read_log_key(&self.log_key)?);
        let statement = offer.verify(&log_key)?;
        let wrapped = offer.wrap(&log_key, &read_secret(&self.file)?)?;
        sink::write(&self.out, &wrapped, Access::Public)?;
        app.remark(&self.out, &OfferView::new(&statement))
    }
}

impl Wrap {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let wrapped = app.client()?.wrap_key(&self.key, &self.by).await?;
        sink::write(&self.out, &wrapped.blob, Access::Public)?;
        app.remark(&self.out, &WrappedView::new(&wrapped))
    }
}

impl Unwrap {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let blob = input::read(&self.file, offline::WRAPPED_LEN_MAX, "a wrapped key")?;
        let key = app.client()?.unwrap_key(self.key.key(), &self.by, blob.to_vec()).await?;
        app.output.show(&KeyView::new(&key))
    }
}

impl Export {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let recipient = public_key(&self.to)?;
        let fingerprint = hex::encode(offline::public_key_sha256(&recipient));
        let question = format!(
            "The holder of the private key of sha256:{fingerprint} will be able to do all that `{}` can, for ever. Export it?",
            self.key.key()
        );
        confirm(&question, self.yes)?;
        let exported = app.client()?.export_key(&self.key, recipient).await?;
        sink::write(&self.out, &exported.wrapped, Access::Public)?;
        app.remark(&self.out, &ExportView::new(&exported))
    }
}

impl UnwrapExport {
    pub(crate) fn run(&self, app: &App) -> Result<(), Failure> {
        let wrapped = input::read(&self.file, offline::WRAPPED_LEN_MAX, "a wrapped key")?;
        let key = offline::open_export(&wrapped, &read_secret(&self.with)?)?;
        sink::write(&self.out, key.expose(), Access::Secret)?;
        let file = self.file.display().to_string();
        let (scheme, protection) = (v1::Scheme::RsaAesKwp, v1::Protection::Unspecified);
        app.remark(&self.out, &UsedView::new("opened", &file, scheme, protection, false))
    }
}

/// Reads a private or secret key. A file that others may read is refused: it is not secret any more.
fn read_secret(path: &Path) -> Result<SecretBytes, Failure> {
    if path != Path::new("-") {
        let read = |cause| Failure::Read { name: path.display().to_string(), cause };
        let meta = fs::metadata(path).map_err(read)?;
        if meta.is_file() && meta.permissions().mode() & 0o077 != 0 {
            let name = path.display();
            return Err(Failure::usage(format!("others may read `{name}`"), format!("`chmod 600 {name}` first")));
        }
    }
    let bytes = input::read(path, offline::KEY_LEN_MAX, "a key")?;
    if bytes.is_empty() {
        return Err(Failure::usage(format!("`{}` is empty", path.display()), ""));
    }
    Ok(offline::read_key(&bytes)?)
}

fn read_offer(path: &Path) -> Result<ImportOffer, Failure> {
    Ok(ImportOffer::from_text(&input::read(path, offline::OFFER_LEN_MAX, "an import offer")?)?)
}

fn public_key(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(offline::public_key_from_pem(&input::read(path, PUBLIC_KEY_LEN_MAX, "a public key")?)?)
}

fn is_pair(algorithm: v1::Algorithm) -> bool {
    use v1::Algorithm as A;
    !matches!(
        algorithm,
        A::Aes128Gcm | A::Aes256Gcm | A::Aes256Kwp | A::Sm4Gcm | A::HmacSha256 | A::HmacSha384 | A::HmacSm3
    )
}
