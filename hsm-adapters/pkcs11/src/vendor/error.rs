//! Why a profile cannot be used.

/// A profile that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the vendor profile{profile}: `{field}` {problem}: {fix}")]
pub struct ProfileError {
    /// Its name after a space and in backticks, as far as it is known.
    profile: String,
    /// The field.
    field: String,
    /// What is wrong with it.
    problem: String,
    /// What to write instead.
    fix: String,
}

impl ProfileError {
    pub(super) fn new(field: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { profile: String::new(), field: field.to_owned(), problem: problem.into(), fix: fix.into() }
    }

    pub(super) fn of(self, profile: &str) -> Self {
        Self { profile: format!(" `{profile}`"), ..self }
    }

    /// The field that is to be mended.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}
