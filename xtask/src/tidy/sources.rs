//! Rules about single files: length, open ends, `unsafe`, paths of a machine, shared lints.

use super::Problem;
use super::tree::SourceFile;

/// Longest source file, in lines.
const LINES_MAX: usize = 800;

/// The only places for `unsafe`: locked memory, and the C interface of the token from both of its sides.
const UNSAFE_ALLOWED: &[&str] = &["kms/secret/", "hsm-adapters/pkcs11/", "softhsm-tests/fault-module/"];

/// Directories of one machine, without slashes so that this line is not a finding.
const MACHINE_DIRECTORIES: &[&str] = &["work", "root", "tmp", "home"];

/// Checks every file by the rules for its kind.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Problem> {
    files.iter().flat_map(problems_of).collect()
}

fn problems_of(file: &SourceFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    if file.is("rs") {
        problems.extend(too_long(file));
    }
    if file.path.ends_with("Cargo.toml") {
        problems.extend(own_lints(file));
    }
    let tests_from = tests_from(file);
    for (index, line) in file.text.lines().enumerate() {
        let found = [
            open_end(file, line),
            unsafe_code(file, line),
            (index < tests_from).then(|| machine_path(file, line)).flatten(),
        ];
        let place = format!("{}:{}", file.path, index + 1);
        let found = found.into_iter().flatten();
        problems.extend(found.map(|text| Problem::new(&place, text)));
    }
    problems
}

fn too_long(file: &SourceFile) -> Option<Problem> {
    let lines = file.text.lines().count();
    (lines > LINES_MAX).then(|| {
        let text = format!("{lines} lines, at most {LINES_MAX}: split it by idea");
        Problem::new(&file.path, text)
    })
}

/// Every member takes the workspace's lints; those allowed `unsafe` must deny it undocumented.
fn own_lints(file: &SourceFile) -> Option<Problem> {
    if !file.text.contains("[package]") || file.path.starts_with("fuzz/") {
        return None;
    }
    let shared = file.text.contains("[lints]\nworkspace = true");
    let allowed = UNSAFE_ALLOWED.iter().any(|dir| file.path.starts_with(dir))
        && file.text.contains("undocumented_unsafe_blocks = \"deny\"");
    let text = "must have `[lints] workspace = true`";
    (!shared && !allowed).then(|| Problem::new(&file.path, text))
}

/// A promise without an issue number is forgotten.
fn open_end(file: &SourceFile, line: &str) -> Option<String> {
    if file.is("md") {
        return None;
    }
    let word = ["TO", "DO"].concat();
    let (_, after) = line.split_once(&word)?;
    (!is_issue(after)).then(|| format!("`{word}` without an issue: write `{word}(#n)`"))
}

fn is_issue(after: &str) -> bool {
    let number = after.strip_prefix("(#").and_then(|rest| rest.split_once(')')).map_or("", |(number, _)| number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn unsafe_code(file: &SourceFile, line: &str) -> Option<String> {
    let keyword = ["un", "safe"].concat();
    let code = line.split("//").next().unwrap_or(line);
    let used = file.is("rs")
        && !UNSAFE_ALLOWED.iter().any(|dir| file.path.starts_with(dir))
        && [" {", " fn", " impl", " extern", " trait"]
            .iter()
            .any(|after| code.contains(&format!("{keyword}{after}")));
    used.then(|| format!("`{keyword}` is allowed in {} only", UNSAFE_ALLOWED.join(", ")))
}

/// A path that exists on one machine only, or a scratch directory that the caller did not choose.
fn machine_path(file: &SourceFile, line: &str) -> Option<String> {
    let line = without_addresses(line);
    let found = MACHINE_DIRECTORIES.iter().map(|name| format!("/{name}/")).find(|path| starts_a_path(&line, path))?;
    let documented = file.is("md") && found.contains("tmp");
    (!documented).then(|| format!("path of one machine: `{found}`"))
}

fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-*}/".contains(c))
    })
}

/// The line without URLs, whose paths are nobody's file system.
fn without_addresses(line: &str) -> String {
    let words = line.split_whitespace();
    let kept: Vec<_> = words.filter(|word| !word.contains("://")).collect();
    kept.join(" ")
}

/// The index of the line where a file's test code begins: tests come last.
fn tests_from(file: &SourceFile) -> usize {
    if file.is_test() {
        return 0;
    }
    file.text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        let found = check(&[file]);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn longest_file_passes_and_one_line_more_does_not() {
        assert!(problems("a/src/lib.rs", &"\n".repeat(800)).is_empty());
        let found = problems("a/src/lib.rs", &"\n".repeat(801));
        assert_eq!(found, ["a/src/lib.rs: 801 lines, at most 800: split it by idea"]);
    }

    #[test]
    fn open_end_needs_a_number() {
        let open = |rest: &str| problems("a.rs", &["// TO", "DO", rest].concat());
        assert!(open("(#12): later").is_empty());
        for rest in [": later", "(#)", "(#x)", "(ann)"] {
            assert_eq!(open(rest).len(), 1, "{rest}");
        }
    }

    #[test]
    fn unsafe_is_for_few_crates() {
        let text = ["fn f() { un", "safe { g() } }"].concat();
        assert_eq!(problems("kms/engine/src/a.rs", &text).len(), 1);
        assert!(problems("kms/secret/src/a.rs", &text).is_empty());
        assert!(problems("hsm-adapters/pkcs11/src/a.rs", &text).is_empty());
        assert!(problems("kms/engine/src/a.rs", &format!("// {text}")).is_empty());
    }

    #[test]
    fn machine_paths_are_found_outside_tests() {
        assert_eq!(problems("a/src/b.rs", r#"let p = "/tmp/x";"#).len(), 1);
        assert_eq!(problems("docs/a.md", "see /work/main").len(), 1);
        assert!(problems("a/tests/b.rs", r#"let p = "/tmp/x";"#).is_empty());
        let tests_last = "fn f() {}\n#[cfg(test)]\nmod tests { const P: &str = \"/tmp/x\"; }";
        assert!(problems("a/src/b.rs", tests_last).is_empty());
    }

    #[test]
    fn addresses_and_longer_paths_are_no_machine_paths() {
        assert!(problems("a.md", "https://example.org/work/x").is_empty());
        assert!(problems("a/src/b.rs", r#"let p = "framework/work/x";"#).is_empty());
        assert!(problems("a.md", "{dir}/tmp/x").is_empty());
    }

    #[test]
    fn member_without_shared_lints_is_reported() {
        let shared = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        assert!(problems("a/Cargo.toml", shared).is_empty());
        let none = "[package]\nname = \"a\"\n";
        assert_eq!(problems("a/Cargo.toml", none).len(), 1);
        let own = format!("{none}[lints.clippy]\nundocumented_unsafe_blocks = \"deny\"\n");
        assert!(problems("kms/secret/Cargo.toml", &own).is_empty());
        assert_eq!(problems("kms/core/Cargo.toml", &own).len(), 1);
    }
}
