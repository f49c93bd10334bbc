use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use hufu_sdk::{Client, Profile};

use crate::{failure::Failure, output::Output, sink};

/// Names the profile when `--profile` does not.
const PROFILE_VARIABLE: &str = "HUFU_PROFILE";

/// Where `hufud --dev` puts the profile that is used when none is named.
const PROFILE_DEFAULT: &str = "hufu-data/profiles/admin.toml";

/// What every command needs.
pub(crate) struct App {
    pub(crate) profile: Option<PathBuf>,
    pub(crate) output: Output,
    pub(crate) timeout: Option<Duration>,
}

impl App {
    /// A client for the profile. It connects with its first call.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.client_of(&self.profile()?)
    }

    /// Which service is spoken with, and as whom.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        let path = choose(self.profile.as_deref(), std::env::var_os(PROFILE_VARIABLE), Path::new(PROFILE_DEFAULT))?;
        Ok(Profile::load(path).map_err(hufu_sdk::Error::from)?)
    }

    /// The same for a profile that was read.
    pub(crate) fn client_of(&self, profile: &Profile) -> Result<Client, Failure> {
        let client = Client::new(profile)?;
        Ok(match self.timeout {
            Some(timeout) => client.with_timeout(timeout),
            None => client,
        })
    }

    /// Shows a remark about data that were written to `out`, unless they went to standard output themselves.
    pub(crate) fn remark(&self, out: &Path, view: &impl crate::output::View) -> Result<(), Failure> {
        if sink::is_stdout(out) { Ok(()) } else { self.output.show(view) }
    }
}

fn choose(flag: Option<&Path>, variable: Option<OsString>, default: &Path) -> Result<PathBuf, Failure> {
    if let Some(path) = flag {
        return Ok(path.to_owned());
    }
    if let Some(path) = variable.filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    if default.exists() {
        return Ok(default.to_owned());
    }
    Err(Failure::usage(
        format!("no profile: `{}` is not there", default.display()),
        format!("name one with `--profile FILE` or {PROFILE_VARIABLE}; `hufud --dev` makes them and prints where"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_then_variable_then_default() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (Path::new("a"), OsString::from("b"));
        assert_eq!(choose(Some(a), Some(b.clone()), dir.path()).unwrap(), a);
        assert_eq!(choose(None, Some(b), dir.path()).unwrap(), Path::new("b"));
        assert_eq!(choose(None, Some(OsString::new()), dir.path()).unwrap(), dir.path());
        let error = choose(None, None, &dir.path().join("none")).unwrap_err();
        assert!(matches!(error, Failure::Usage { .. }));
    }
}
