//! A SoftHSM token of the development directory's own.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hufu_secret::SecretBytes;

use crate::files;
use crate::open::Error;

/// Where distributions put the module.
const USUAL_PLACES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];
/// Tells SoftHSM where its configuration is. A path, not a secret.
const CONF_VARIABLE: &str = "SOFTHSM2_CONF";
const TOKEN_LABEL: &str = "hufu-dev";
const PIN_LEN: usize = 16;
const PIN_FILE_LEN_MAX: u64 = 64;

pub(super) fn enter(data_dir: &Path) -> Result<(), Error> {
    let failed = |error| Error::File(data_dir.to_owned(), error);
    files::private_dir(data_dir).map_err(failed)?;
    let home = data_dir.canonicalize().map_err(failed)?.join("softhsm");
    let tokens = home.join("tokens");
    files::private_dir(&tokens).map_err(failed)?;
    let conf = home.join("softhsm2.conf");
    let content = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        tokens.display()
    );
    files::replace(&conf, content.as_bytes()).map_err(failed)?;
    if std::env::var_os(CONF_VARIABLE).as_deref() == Some(conf.as_os_str()) {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(failed)?;
    // Comes back only when it fails.
    let error = Command::new(program).args(std::env::args_os().skip(1)).env(CONF_VARIABLE, &conf).exec();
    Err(failed(error))
}

pub(super) fn module(chosen: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = chosen {
        return Ok(path.to_owned());
    }
    USUAL_PLACES.iter().map(PathBuf::from).find(|path| path.is_file()).ok_or_else(|| {
        Error::Token(
            "SoftHSM is not installed: `apt-get install softhsm2`, or name its module with `--pkcs11-module`"
                .to_owned(),
        )
    })
}

/// The token's serial number. Token and PIN are made at the first start.
pub(super) fn token(module: &Path, pin_file: &Path) -> Result<String, Error> {
    let failed = |error| Error::File(pin_file.to_owned(), error);
    if files::read_if_there(pin_file, PIN_FILE_LEN_MAX).map_err(failed)?.is_none() {
        files::replace(pin_file, &random_pin()?).map_err(failed)?;
    }
    let content = files::read_if_there(pin_file, PIN_FILE_LEN_MAX).map_err(failed)?.unwrap_or_default();
    let pin = SecretBytes::from_vec(content);
    hufu_pkcs11::find_or_init_token(module, TOKEN_LABEL, &pin, &pin).map_err(|error| Error::Token(error.to_string()))
}

fn random_pin() -> Result<Vec<u8>, Error> {
    let mut digits = vec![0u8; PIN_LEN];
    getrandom::fill(&mut digits).map_err(|error| Error::Token(error.to_string()))?;
    // 256 is no multiple of 10: the bias costs a sixteenth of a bit a digit, of 53.
    digits.iter_mut().for_each(|digit| *digit = b'0' + *digit % 10);
    Ok(digits)
}
