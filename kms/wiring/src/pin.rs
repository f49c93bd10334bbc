//! PINs, from where the configuration says.

use hufu_secret::SecretBytes;

use crate::config::PinSource;
use crate::files;
use crate::open::Error;

/// Longest PIN file, in bytes.
const PIN_LEN_MAX: u64 = 1_024;

/// Reads a PIN, or asks for it.
pub(crate) fn read(source: &PinSource, whose: &str) -> Result<SecretBytes, Error> {
    match source {
        PinSource::File(path) => {
            let unreadable = |error| Error::Pin(format!("cannot read `{}`: {error}", path.display()));
            let content = files::read_if_there(path, PIN_LEN_MAX).map_err(unreadable)?;
            let mut pin = SecretBytes::from_vec(content.ok_or_else(|| unreadable(files::missing()))?);
            let trimmed = pin.expose().trim_ascii_end().len();
            pin.truncate(trimmed);
            // Tokens count tries: nothing is not one.
            if pin.is_empty() {
                return Err(Error::Pin(format!("`{}` is empty", path.display())));
            }
            Ok(pin)
        }
        PinSource::Prompt => {
            let prompt = format!("PIN of {whose}: ");
            let pin = rpassword::prompt_password(prompt).map_err(|error| Error::Pin(error.to_string()))?;
            Ok(SecretBytes::from_vec(pin.into_bytes()))
        }
    }
}
