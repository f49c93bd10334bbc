//! Links of the documents: the file that a link names must be there.

use std::path::{Path, PathBuf};

use super::Problem;
use super::tree::SourceFile;

/// Follows every relative link of every Markdown file.
pub(crate) fn check(root: &Path, files: &[SourceFile]) -> Vec<Problem> {
    files.iter().filter(|file| file.is("md")).flat_map(|file| dangling(root, file)).collect()
}

fn dangling(root: &Path, file: &SourceFile) -> Vec<Problem> {
    let directory = directory_of(root, file);
    let mut fenced = false;
    let mut problems = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in targets(line) {
            if !directory.join(target).exists() {
                let place = format!("{}:{}", file.path, index + 1);
                problems.push(Problem::new(place, format!("link to `{target}`, which is not there")));
            }
        }
    }
    problems
}

fn directory_of(root: &Path, file: &SourceFile) -> PathBuf {
    let path = root.join(&file.path);
    path.parent().map_or_else(|| root.to_owned(), Path::to_owned)
}

/// The relative targets `[text](target)` of a line, without fragment; code spans are left out.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split('`')
        .step_by(2)
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|after| after.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("docs/there.md"), "").unwrap();
        let file = SourceFile { path: "docs/a.md".to_owned(), text: text.to_owned() };
        let found = check(root.path(), &[file]);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_are_relative_to_their_file() {
        assert!(problems("[x](there.md) and [y](../docs/there.md#part)").is_empty());
        let found = problems("one\n[x](there.md) [z](gone.md)");
        assert_eq!(found, ["docs/a.md:2: link to `gone.md`, which is not there"]);
    }

    #[test]
    fn addresses_fragments_and_code_are_not_followed() {
        let text = "[a](https://example.org) [b](#part) `[c](gone.md)`\n```\n[d](gone.md)\n```";
        assert!(problems(text).is_empty());
    }

    #[test]
    fn link_whose_text_is_code_is_followed() {
        assert_eq!(problems("[`x`](gone.md)").len(), 1);
    }
}
