//! The table of conformance is the generated one, as far as that can be seen without the components that it tells of.

use super::Problem;
use super::tree::SourceFile;
use crate::conformance::{DOCUMENT, problems};

/// Checks columns, cells and reasons of the page.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Problem> {
    let Some(page) = files.iter().find(|file| file.path == DOCUMENT) else {
        return vec![Problem::new(DOCUMENT, "is not there: run `cargo xtask conformance`")];
    };
    problems(&page.text).into_iter().map(|text| Problem::new(DOCUMENT, text)).collect()
}
