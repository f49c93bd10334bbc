use std::path::{Path, PathBuf};

use clap::{Args, builder::NonEmptyStringValueParser};
#[cfg(feature = "custodian")]
use hufu_sdk::Terms;
use hufu_sdk::{Client, Data, INPUT_LEN_MAX, KeyRef, v1};
use zeroize::Zeroizing;

use crate::{
    app::App,
    args::word,
    failure::Failure,
    input,
    sink::{self, Access},
    view::used::{CheckedView, UsedView},
};

/// Longest digest of any scheme, in bytes.
const DIGEST_LEN_MAX: usize = 64;

/// Longest signature that the service takes, in bytes.
const SIGNATURE_LEN_MAX: usize = 5120;

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    #[command(flatten)]
    input: Input,
    /// Where the signature goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Form of ECDSA and SM2 signatures
    #[arg(long, value_parser = word::<v1::SignatureFormat>(), ignore_case = true, default_value = "der")]
    format: v1::SignatureFormat,
    /// Sign at most once under this id: given again within 24 hours, it brings the same signature, as long as the version that
    /// made it may sign
    #[arg(long, value_name = "UUID", value_parser = NonEmptyStringValueParser::new())]
    request_id: Option<String>,
    #[cfg(feature = "custodian")]
    #[command(flatten)]
    requester: super::requester::Requester,
    #[cfg(feature = "custodian")]
    #[command(flatten)]
    attempts: super::requester::Attempts,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    #[command(flatten)]
    input: Input,
    /// The signature
    #[arg(long, value_name = "FILE")]
    sig: PathBuf,
    /// Accept a good signature of a compromised version, which is refused (exit code 3) without this
    #[arg(long)]
    allow_compromised: bool,
    /// Form of ECDSA and SM2 signatures
    #[arg(long, value_parser = word::<v1::SignatureFormat>(), ignore_case = true, default_value = "der")]
    format: v1::SignatureFormat,
}

/// What is signed.
#[derive(Debug, Args)]
struct Input {
    /// What is signed: a message of at most 1 MiB
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    /// The input is not the message but its digest, as raw bytes of the scheme's length; for keys that allow it
    #[arg(long)]
    digest: bool,
}

impl Input {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if self.digest {
            return input::read(&self.file, DIGEST_LEN_MAX, "a digest");
        }
        input::read(&self.file, INPUT_LEN_MAX, "a message").map_err(|failure| match failure {
            Failure::Usage { message, .. } => Failure::usage(
                message,
                "sign its digest instead: create the key with `--allow-digest`, and give the raw digest with `--digest`",
            ),
            other => other,
        })
    }

    fn data<'a>(&self, bytes: &'a [u8]) -> Data<'a> {
        if self.digest { Data::Digest(bytes) } else { Data::Message(bytes) }
    }
}

impl Sign {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let bytes = self.input.read()?;
        let signed = self.sign(&app.client()?, &bytes).await?;
        sink::write(&self.out, &signed.signature, Access::Public)?;
        let (scheme, protection) = (signed.scheme(), signed.protection());
        let view = UsedView::new("signed", &signed.key_version, scheme, protection, signed.simulated);
        app.remark(&self.out, &view)
    }

    #[cfg(feature = "custodian")]
    async fn sign(&self, client: &Client, bytes: &[u8]) -> Result<v1::SignResponse, Failure> {
        let Some(requester) = self.requester.open()? else { return self.sign_alone(client, bytes).await };
        if self.input.digest {
            return Err(Failure::usage("holders sign messages, not digests", "leave out `--digest`"));
        }
        let terms = Terms { attempts: self.attempts.count(), ..self.requester.terms() };
        Ok(client.sign_among(&self.key, bytes, &requester, &terms, self.request_id.as_deref()).await?)
    }

    #[cfg(not(feature = "custodian"))]
    async fn sign(&self, client: &Client, bytes: &[u8]) -> Result<v1::SignResponse, Failure> {
        self.sign_alone(client, bytes).await
    }

    async fn sign_alone(&self, client: &Client, bytes: &[u8]) -> Result<v1::SignResponse, Failure> {
        let data = self.input.data(bytes);
        Ok(match &self.request_id {
            Some(id) => client.sign_once(&self.key, data, self.format, id).await?,
            None => client.sign(&self.key, data, self.format).await?,
        })
    }
}

impl Verify {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        if self.sig == Path::new("-") && self.input.file == self.sig {
            return Err(Failure::usage("message and signature cannot both come from standard input", ""));
        }
        let bytes = self.input.read()?;
        let signature = input::read(&self.sig, SIGNATURE_LEN_MAX, "a signature")?;
        let client = app.client()?;
        let answer = client.verify(&self.key, self.input.data(&bytes), &signature, self.format).await?;
        let (state, scheme) = (answer.state(), answer.scheme());
        CheckedView::new("signature", answer.valid, &answer.key_version, state, scheme, answer.simulated)
            .show(app, self.allow_compromised)
    }
}
