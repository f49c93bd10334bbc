//! The text files of the repository.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// Directories that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", "target", "hufu-data", "corpus", "artifacts"];

/// Endings of the files that are checked; `run` is `.ci/run`.
const ENDINGS: &[&str] = &["rs", "toml", "proto", "sql", "md", "sh", "run"];

/// A file's path from the root, with `/`, and its text.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// Whether the file's name ends so.
    pub(crate) fn is(&self, ending: &str) -> bool {
        ending_of(&self.path) == ending
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("softhsm-tests/")
            || self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }
}

/// Reads every checked file under the root, in the order of their paths.
pub(crate) fn files(root: &Path) -> Result<Vec<SourceFile>, Error> {
    let mut waiting = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(directory) = waiting.pop() {
        for path in entries(&directory)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_symlink() || SKIPPED.contains(&name.as_ref()) {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
            } else if ENDINGS.contains(&ending_of(&name)) {
                found.push(read(root, &path)?);
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(directory).map_err(Error::file("list", directory))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn read(root: &Path, path: &Path) -> Result<SourceFile, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    let relative = path.strip_prefix(root).unwrap_or(path);
    Ok(SourceFile { path: relative.to_string_lossy().replace('\\', "/"), text })
}

fn ending_of(path: &str) -> &str {
    path.rsplit(['/', '.']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: String::new() }
    }

    #[test]
    fn test_code_is_known_by_its_place() {
        assert!(file("kms/core/tests/rules.rs").is_test());
        assert!(file("kms/core/src/tests.rs").is_test());
        assert!(file("softhsm-tests/src/token.rs").is_test());
        assert!(!file("kms/core/src/testsuite.rs").is_test());
        assert!(!file("conformance/src/lib.rs").is_test());
    }

    #[test]
    fn build_output_and_other_files_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        for path in ["target/a.rs", "src/b.rs", "src/c.bin", ".ci/run"] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let found: Vec<_> = files(root.path()).unwrap();
        let paths: Vec<_> = found.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".ci/run", "src/b.rs"]);
    }
}
