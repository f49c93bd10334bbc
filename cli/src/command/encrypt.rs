use std::path::PathBuf;

use clap::Args;
use hufu_sdk::{ADDITIONAL_DATA_LEN_MAX, INPUT_LEN_MAX, KeyRef, v1};
use zeroize::Zeroizing;

use crate::{
    app::App,
    failure::Failure,
    input,
    sink::{self, Access},
    view::used::UsedView,
};

/// What a ciphertext may be longer than its plaintext, generously, in bytes.
const OVERHEAD_MAX: usize = 4096;

#[derive(Debug, Args)]
pub(crate) struct Encrypt {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// What is encrypted: at most 1 MiB
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    /// Where the ciphertext goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Additional data: not kept, needed again to decrypt; at most 64 KiB
    #[arg(long, value_name = "FILE")]
    aad: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Decrypt {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// The ciphertext
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    /// Where the plaintext goes; a file is readable by its owner only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The additional data of the encryption
    #[arg(long, value_name = "FILE")]
    aad: Option<PathBuf>,
}

impl Encrypt {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let plaintext = input::read(&self.file, INPUT_LEN_MAX, "a plaintext").map_err(|failure| match failure {
            Failure::Usage { message, .. } => {
                Failure::usage(message, "encrypt a random key here, and the file with that key")
            }
            other => other,
        })?;
        let aad = additional_data(self.aad)?;
        let answer = app.client()?.encrypt(&self.key, &plaintext, &aad).await?;
        sink::write(&self.out, &answer.ciphertext, Access::Public)?;
        let (scheme, protection) = (answer.scheme(), answer.protection());
        let view = UsedView::new("encrypted", &answer.key_version, scheme, protection, answer.simulated);
        app.remark(&self.out, &view)
    }
}

impl Decrypt {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let ciphertext = input::read(&self.file, INPUT_LEN_MAX + OVERHEAD_MAX, "a ciphertext")?;
        let aad = additional_data(self.aad)?;
        let answer = app.client()?.decrypt(&self.key, &ciphertext, &aad).await?;
        sink::write(&self.out, &answer.plaintext, Access::Secret)?;
        let view = UsedView::new(
            "decrypted",
            &answer.key_version,
            v1::Scheme::Unspecified,
            answer.protection,
            answer.simulated,
        );
        app.remark(&self.out, &view)
    }
}

fn additional_data(file: Option<PathBuf>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match file {
        Some(file) => input::read(&file, ADDITIONAL_DATA_LEN_MAX, "additional data"),
        None => Ok(Zeroizing::default()),
    }
}
