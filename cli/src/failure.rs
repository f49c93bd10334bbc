use std::io::{self, Write};

use thiserror::Error;

use crate::table::clean;

/// Why the command does not end well.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sdk(#[from] hufu_sdk::Error),
    #[error("{message}")]
    Usage { message: String, help: String },
    #[error("cannot read `{name}`: {cause}")]
    Read { name: String, cause: io::Error },
    #[error("cannot write `{name}`: {cause}")]
    Write { name: String, cause: io::Error },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// The answer is no: a bad signature, an audit that is not intact.
    #[error("{0}")]
    Negative(String),
    /// What was asked for is there, and is not to be relied on.
    #[error("{message}")]
    Refused { message: String, help: &'static str },
    #[error("not confirmed, nothing was done")]
    Declined,
    #[cfg(feature = "assess")]
    #[error(transparent)]
    Assess(#[from] hufu_assess::Error),
    #[cfg(feature = "assess")]
    #[error("the token is not admitted")]
    NotAdmitted,
    #[cfg(feature = "custodian")]
    #[error(transparent)]
    Custodian(#[from] hufu_custodian_keys::Error),
    #[cfg(feature = "custodian")]
    #[error(transparent)]
    Shares(#[from] hufu_shares::Error),
    #[cfg(feature = "custodian")]
    #[error(transparent)]
    Ceremony(#[from] hufu_ceremony::Refusal),
}

#[cfg(feature = "custodian")]
impl From<hufu_custodian::Error> for Failure {
    fn from(error: hufu_custodian::Error) -> Self {
        Self::Custodian(error.into())
    }
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// Writes `error: …` and, where something can be done, `help: …`.
    pub(crate) fn tell(&self, to: &mut impl Write) {
        // A pipe whose reader left has nobody to tell.
        if matches!(self, Self::Write { cause, .. } if cause.kind() == io::ErrorKind::BrokenPipe) {
            return;
        }
        let reason = match self {
            Self::Sdk(error) => error.reason().map(|reason| format!(" ({reason})")),
            #[cfg(feature = "custodian")]
            Self::Ceremony(refusal) => Some(format!(" ({})", refusal.reason())),
            _ => None,
        };
        let field = match self {
            Self::Sdk(error) => error.field().map(|field| format!(" [{field}]")),
            _ => None,
        };
        let line = format!("error: {self}{}{}", reason.unwrap_or_default(), field.unwrap_or_default());
        // There is no other place to report that standard error is closed.
        let _ = writeln!(to, "{}", lines(&line));
        if let Some(help) = self.help() {
            let _ = writeln!(to, "help: {}", lines(help));
        }
    }

    fn help(&self) -> Option<&str> {
        match self {
            Self::Sdk(error) => error.help(),
            Self::Usage { help, .. } if !help.is_empty() => Some(help),
            Self::Refused { help, .. } => Some(help),
            _ => None,
        }
    }
}

/// Control characters of the service must not reach the terminal; line feeds may.
fn lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(failure: &Failure) -> String {
        let mut out = Vec::new();
        failure.tell(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn error_then_help() {
        let refused = hufu_sdk::Error::Refused {
            reason: "WRONG_STATE".into(),
            message: "version 1 is \u{1b}[31mrevoked".into(),
            field: None,
            help: Some("rotate the key".into()),
        };
        let text = told(&refused.into());
        assert_eq!(text, "error: version 1 is ?[31mrevoked (WRONG_STATE)\nhelp: rotate the key\n");
        assert_eq!(told(&Failure::Negative("no".into())), "error: no\n");
    }

    #[test]
    fn a_closed_pipe_is_silent() {
        let failure = Failure::Write { name: "-".into(), cause: io::ErrorKind::BrokenPipe.into() };
        assert_eq!(told(&failure), "");
    }
}
