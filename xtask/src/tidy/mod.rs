//! `cargo xtask tidy`: what the compiler and clippy do not check.

mod conformance;
mod direction;
mod links;
mod reasons;
mod sources;
mod tree;

use std::fmt;

use crate::error::Error;
use crate::workspace::Workspace;

/// One thing to put right: where, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    place: String,
    text: String,
}

impl Problem {
    fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Runs every check and prints every problem.
///
/// # Errors
///
/// [`Error::Untidy`] with the number of problems.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let root = workspace.root();
    let files = tree::files(root)?;
    let mut problems = direction::check(&workspace.packages());
    problems.extend(sources::check(&files));
    problems.extend(links::check(root, &files));
    problems.extend(reasons::check(&files));
    problems.extend(conformance::check(&files));
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("tidy: {} files, nothing to report", files.len());
            Ok(())
        }
        count => Err(Error::Untidy(count)),
    }
}
