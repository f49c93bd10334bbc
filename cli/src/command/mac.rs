use std::path::{Path, PathBuf};

use clap::Args;
use hufu_sdk::{INPUT_LEN_MAX, KeyRef};

use crate::{
    app::App,
    failure::Failure,
    input,
    sink::{self, Access},
    view::{
        mac::MacView,
        used::{CheckedView, UsedView},
    },
};

/// Lengths of codes, in bytes: of HMAC with a hash of 256 or 384 bits.
const MAC_LENS: [usize; 2] = [32, 48];

/// Longest code that is read, in bytes.
const MAC_LEN_MAX: usize = 1024;

#[derive(Debug, Args)]
pub(crate) struct Mac {
    /// Key or version
    #[arg(value_name = "NAME[@VERSION]")]
    key: KeyRef,
    /// The data: at most 1 MiB
    #[arg(long = "in", value_name = "FILE")]
    file: PathBuf,
    /// Where the code goes as raw bytes; without it, the code is printed in hexadecimal
    #[arg(long, value_name = "FILE", conflicts_with = "verify")]
    out: Option<PathBuf>,
    /// Check this code, raw or in hexadecimal, instead of making one; ends with 0 when it is good and with 1 when bad
    #[arg(long, value_name = "FILE")]
    verify: Option<PathBuf>,
}

impl Mac {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        if self.verify.as_deref() == Some(Path::new("-")) && self.file == Path::new("-") {
            return Err(Failure::usage("data and code cannot both come from standard input", ""));
        }
        let data = input::read(&self.file, INPUT_LEN_MAX, "data to authenticate")?;
        match &self.verify {
            Some(code) => self.check(app, &data, &raw(&input::read(code, MAC_LEN_MAX, "a code")?)).await,
            None => self.make(app, &data).await,
        }
    }

    async fn make(&self, app: &App, data: &[u8]) -> Result<(), Failure> {
        let made = app.client()?.mac(&self.key, data).await?;
        let (scheme, protection) = (made.scheme(), made.protection());
        let used = UsedView::new("authenticated", &made.key_version, scheme, protection, made.simulated);
        match &self.out {
            Some(out) => {
                sink::write(out, &made.mac, Access::Public)?;
                app.remark(out, &used)
            }
            None => app.output.show(&MacView::new(&made.mac, used)),
        }
    }

    async fn check(&self, app: &App, data: &[u8], code: &[u8]) -> Result<(), Failure> {
        let answer = app.client()?.verify_mac(&self.key, data, code).await?;
        let (state, scheme) = (answer.state(), answer.scheme());
        CheckedView::new("code", answer.valid, &answer.key_version, state, scheme, answer.simulated).show(app, false)
    }
}

/// The code as bytes: what `hufu mac` prints is hexadecimal, and twice as long as any code.
fn raw(code: &[u8]) -> Vec<u8> {
    let text = code.trim_ascii();
    let printed = MAC_LENS.contains(&(text.len() / 2)).then(|| hex::decode(text).ok()).flatten();
    printed.unwrap_or_else(|| code.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_raw_and_in_hexadecimal() {
        for code in MAC_LENS.map(|len| vec![0xab; len]) {
            assert_eq!(raw(&code), code);
            assert_eq!(raw(format!("{}\n", hex::encode(&code)).as_bytes()), code);
        }
        assert_eq!(raw(&[b'a'; 63]), [b'a'; 63]);
        assert_eq!(raw(&[b'x'; 64]), [b'x'; 64]);
    }
}
