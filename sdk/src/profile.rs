use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest file that a profile is read from or points to: 1 MiB.
const FILE_LEN_MAX: u64 = 1 << 20;

/// How to reach a service, and as whom: a TOML file.
///
/// ```toml
/// server = "https://127.0.0.1:8743"
/// tenant = "acme"
/// ca_file = "ca.pem"              # certificates that the server's certificate must lead to
/// certificate_file = "admin.pem"  # own certificate, then its intermediates
/// key_file = "admin.key"          # own private key, PKCS#8
/// ledger_url = "http://127.0.0.1:8744"  # optional: where checkpoint and tiles are served
/// ```
///
/// Relative file names are relative to the profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `https://HOST:PORT`.
    pub server: String,
    /// Id of the tenant whose keys are used.
    pub tenant: String,
    /// PEM certificates of the authorities that the server's certificate must lead to.
    pub ca_file: PathBuf,
    /// PEM certificate of the client, followed by its intermediates.
    pub certificate_file: PathBuf,
    /// PEM private key of the client (PKCS#8).
    pub key_file: PathBuf,
    /// Where the ledger's checkpoint and tiles are served over HTTP.
    pub ledger_url: Option<String>,
}

/// Why a profile cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A file cannot be read.
    #[error("cannot read {what} `{}`: {cause}", .path.display())]
    Read {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A file is longer than 1 MiB.
    #[error("{what} `{}` is longer than 1 MiB", .path.display())]
    TooLong {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The profile is not the TOML that it should be.
    #[error("profile `{}`: {cause}", .path.display())]
    Parse {
        /// The profile.
        path: PathBuf,
        /// What is wrong, and where.
        cause: String,
    },
    /// `server` has another form.
    #[error("profile: server `{0}` is not of the form `https://HOST:PORT`")]
    Server(String),
    /// Certificates or key do not go together, or are no PEM.
    #[error("profile: certificates or key cannot be used for TLS: {0}")]
    Tls(String),
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`ProfileError`] when it cannot be read, or is not as documented above.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ProfileError> {
        let path = path.as_ref();
        let text = read("profile", path)?;
        let parse_error = |cause: String| ProfileError::Parse { path: path.to_owned(), cause };
        let text = std::str::from_utf8(&text).map_err(|e| parse_error(e.to_string()))?;
        let base = path.parent().unwrap_or(Path::new(""));
        Self::parse(text, base).map_err(parse_error)
    }

    fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let mut profile: Self = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
        for file in [&mut profile.ca_file, &mut profile.certificate_file, &mut profile.key_file] {
            *file = base.join(&*file);
        }
        if !crate::names::is_id(&profile.tenant) {
            return Err(format!(
                "`{}` is no tenant id: 1 to 63 of a-z, 0-9 and `-`, beginning with a letter and not ending with `-`",
                profile.tenant
            ));
        }
        Ok(profile)
    }
}

/// Reads a file that a profile names.
pub(crate) fn read(what: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, ProfileError> {
    let failed = |cause| ProfileError::Read { what, path: path.to_owned(), cause };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_LEN_MAX {
        return Err(ProfileError::TooLong { what, path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "server = 'https://127.0.0.1:1'\ntenant = 'dev'\nca_file = 'ca.pem'\n\
                        certificate_file = '/abs/c.pem'\nkey_file = 'sub/k.pem'\n";

    #[test]
    fn relative_files_are_relative_to_the_profile() {
        let profile = Profile::parse(GOOD, Path::new("/data/profiles")).unwrap();
        assert_eq!(profile.ca_file, Path::new("/data/profiles/ca.pem"));
        assert_eq!(profile.certificate_file, Path::new("/abs/c.pem"));
        assert_eq!(profile.key_file, Path::new("/data/profiles/sub/k.pem"));
        assert_eq!(profile.ledger_url, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let dir = Path::new("");
        let missing = Profile::parse("server = 'https://h:1'", dir).unwrap_err();
        assert!(missing.contains("tenant"), "{missing}");
        let unknown = Profile::parse(&format!("{GOOD}sever = 'x'"), dir).unwrap_err();
        assert!(unknown.contains("sever"), "{unknown}");
        let tenant = Profile::parse(&GOOD.replace("'dev'", "'Dev'"), dir).unwrap_err();
        assert!(tenant.starts_with("`Dev` is no tenant id: "), "{tenant}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Profile::load("/no/such/profile.toml").unwrap_err().to_string();
        assert!(error.starts_with("cannot read profile `/no/such/profile.toml`: "), "{error}");
    }

    #[test]
    fn a_huge_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.toml");
        fs::write(&path, vec![b'#'; 1 + usize::try_from(FILE_LEN_MAX).unwrap()]).unwrap();
        assert!(matches!(Profile::load(&path), Err(ProfileError::TooLong { .. })));
    }
}
