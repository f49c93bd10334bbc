//! The list of error reasons: `enum ErrorReason` of the wire and the table of `docs/errors.md`
//! name the same ones.

use std::collections::BTreeSet;

use super::Problem;
use super::tree::SourceFile;

const DOCUMENT: &str = "docs/errors.md";
const PROTO: &str = "proto/hufu/v1/";
const ENUM: &str = "enum ErrorReason {";

/// The standard's zero value, which never travels.
const UNSPECIFIED: &str = "UNSPECIFIED";

/// Compares both lists.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Problem> {
    let on_wire = files
        .iter()
        .filter(|file| file.path.starts_with(PROTO))
        .find_map(|file| Some((file, wire_reasons(&file.text)?)));
    let Some((proto, on_wire)) = on_wire else {
        return vec![Problem::new(PROTO, "no `enum ErrorReason` found")];
    };
    let Some(document) = files.iter().find(|file| file.path == DOCUMENT) else {
        return vec![Problem::new(DOCUMENT, "is not there")];
    };
    let documented = documented_reasons(&document.text);
    let missing = on_wire
        .difference(&documented)
        .map(|reason| Problem::new(DOCUMENT, format!("`{reason}` of {} is missing", proto.path)));
    let stale = documented
        .difference(&on_wire)
        .map(|reason| Problem::new(DOCUMENT, format!("`{reason}` is not in {}", proto.path)));
    missing.chain(stale).collect()
}

/// The enum's values without their common prefix.
fn wire_reasons(proto: &str) -> Option<BTreeSet<&str>> {
    let (_, after) = proto.split_once(ENUM)?;
    let reasons = after
        .lines()
        .take_while(|line| line.trim() != "}")
        .filter_map(|line| line.split("//").next())
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim())
        .map(|name| name.strip_prefix("ERROR_REASON_").unwrap_or(name))
        .filter(|name| *name != UNSPECIFIED)
        .collect();
    Some(reasons)
}

/// The first cells of the table's rows, where they are code.
fn documented_reasons(document: &str) -> BTreeSet<&str> {
    document
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split_once('`'))
        .map(|(reason, _)| reason)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &str = "enum ErrorReason {\n  ERROR_REASON_UNSPECIFIED = 0;\n  \
                        // Not there = at all.\n  ERROR_REASON_KEY_NOT_FOUND = 1;\n  \
                        ERROR_REASON_INTERNAL = 2;\n}\n";

    fn problems(table: &str) -> Vec<String> {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let files = [file(DOCUMENT, table), file("proto/hufu/v1/errors.proto", WIRE)];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equal_lists_pass() {
        let table = "| Reason |\n|---|\n| `INTERNAL` | a |\n| `KEY_NOT_FOUND` | b |\n";
        assert_eq!(problems(table), Vec::<String>::new());
    }

    #[test]
    fn missing_and_stale_rows_are_reported() {
        let found = problems("| `INTERNAL` | a |\n| `OLD` | b |\n");
        assert_eq!(
            found,
            [
                "docs/errors.md: `KEY_NOT_FOUND` of proto/hufu/v1/errors.proto is missing",
                "docs/errors.md: `OLD` is not in proto/hufu/v1/errors.proto",
            ]
        );
    }
}
