use hufu_sdk::{Word as _, v1};
use serde::Serialize;

use super::protection_text;
use crate::{
    app::App,
    failure::Failure,
    output::{Output, View},
};

/// What was done with which key, beside the output itself.
#[derive(Serialize)]
pub(crate) struct UsedView {
    #[serde(skip)]
    verb: &'static str,
    key_version: String,
    scheme: Option<String>,
    protection: String,
    simulated: bool,
}

/// Whether a signature or code is good.
#[derive(Serialize)]
pub(crate) struct CheckedView {
    #[serde(skip)]
    what: &'static str,
    valid: bool,
    key_version: String,
    #[serde(skip)]
    compromised: bool,
    state: String,
    scheme: String,
    simulated: bool,
}

impl UsedView {
    pub(crate) fn new(
        verb: &'static str,
        key_version: &str,
        scheme: v1::Scheme,
        protection: v1::Protection,
        simulated: bool,
    ) -> Self {
        let scheme = (scheme != v1::Scheme::Unspecified).then(|| scheme.word());
        Self { verb, key_version: key_version.to_owned(), scheme, protection: protection.word(), simulated }
    }
}

impl View for UsedView {
    fn text(&self) -> String {
        let scheme = self.scheme.as_ref().map(|scheme| format!("{scheme}; ")).unwrap_or_default();
        let protection = protection_text(&self.protection, self.simulated);
        format!("{} by {} ({scheme}{protection})\n", self.verb, crate::table::clean(&self.key_version))
    }
}

impl CheckedView {
    pub(crate) fn new(
        what: &'static str,
        valid: bool,
        key_version: &str,
        state: v1::KeyState,
        scheme: v1::Scheme,
        simulated: bool,
    ) -> Self {
        let compromised = state == v1::KeyState::Compromised;
        let (state, scheme) = (state.word(), scheme.word());
        Self { what, valid, key_version: key_version.to_owned(), compromised, state, scheme, simulated }
    }

    /// Shows it. A bad one is a failure, and so is a good one of a compromised version, unless that is allowed.
    pub(crate) fn show(&self, app: &App, allow_compromised: bool) -> Result<(), Failure> {
        // For people, the failure says it all.
        if self.valid || app.output == Output::Json {
            app.output.show(self)?;
        }
        if !self.valid {
            return Err(Failure::Negative(format!("the {} is bad", self.what)));
        }
        if self.compromised && !allow_compromised {
            return Err(Failure::Refused {
                message: format!("the {} fits, but others may have made it: the version is compromised", self.what),
                help: "see `hufu key show` for since when; `--allow-compromised` accepts it all the same",
            });
        }
        Ok(())
    }
}

impl View for CheckedView {
    fn text(&self) -> String {
        let (what, version) = (self.what, crate::table::clean(&self.key_version));
        let simulated = if self.simulated { ", simulated" } else { "" };
        match self.valid {
            true => format!("good {what} of {version} ({}; the version is {}{simulated})\n", self.scheme, self.state),
            false => format!("bad {what}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_tells_what_was_done() {
        let view = UsedView::new("signed", "v", v1::Scheme::Sm2Sm3, v1::Protection::Software, false);
        assert_eq!(view.text(), "signed by v (sm2-sm3; software)\n");
        let view = UsedView::new("decrypted", "v", v1::Scheme::Unspecified, v1::Protection::Hsm, true);
        assert_eq!(view.text(), "decrypted by v (hsm, simulated)\n");
    }

    #[test]
    fn good_and_bad() {
        let view =
            |valid| CheckedView::new("signature", valid, "v", v1::KeyState::Deactivated, v1::Scheme::Ed25519, true);
        assert_eq!(view(true).text(), "good signature of v (ed25519; the version is deactivated, simulated)\n");
        assert_eq!(view(false).text(), "bad signature\n");
        assert_eq!(serde_json::to_value(view(false)).unwrap()["valid"], false);
    }
}
