//! The table: a row for each algorithm, purpose and scheme, a column for each implementation.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::error::Error;

/// File and heading of each implementation.
const IMPLEMENTATIONS: [(&str, &str); 8] = [
    ("software", "Software"),
    ("softhsm", "SoftHSM"),
    ("worker", "SoftHSM through the worker"),
    ("kryoptic", "Kryoptic"),
    ("nss", "NSS"),
    ("tpm2-pkcs11", "tpm2-pkcs11"),
    ("opencryptoki", "openCryptoki"),
    ("tpm", "TPM"),
];

const HEADER: &str = "hufu-conformance 1";
const PASSES: &str = "passes";
const ABSENT: &str = "not there";

const INTRODUCTION: &str = "\
# Conformance of the key stores

<!-- Written by `cargo xtask conformance`. Do not edit: run it where the components are. -->

The same suite (`conformance/`) runs over every implementation of `KeyBackend`. *passes*: what the implementation says it can do
was done right in every check. *refused*: it says that it cannot, CreateKey answers so with the reason below, and asking all the
same was refused. *not there*: the component was not on the machine that wrote this page.

All tokens here are programs, driven by the [vendor profiles](vendor-profiles.md) that ship with Hufu: tpm2-pkcs11 and the TPM
adapter on swtpm, openCryptoki with its token in software. What a device of yours can do, `hufu hsm assess` tells
([assessment](assessment.md)).

";

/// The runs of a directory.
pub(crate) struct Table {
    /// Nothing where the implementation was not there.
    runs: Vec<Option<Vec<Line>>>,
}

/// Row, and the reason if it is refused.
#[derive(Clone, PartialEq, Eq)]
struct Line {
    row: String,
    refused: Option<String>,
}

impl Table {
    /// Reads the runs that are there.
    pub(crate) fn read(directory: &Path) -> Result<Self, Error> {
        let run = |(file, _): &(&str, &str)| {
            let path = directory.join(format!("{file}.tsv"));
            if !path.exists() {
                return Ok(None);
            }
            fs::read_to_string(&path).map(|text| parse(&text)).map_err(Error::file("read", &path))
        };
        Ok(Self { runs: IMPLEMENTATIONS.iter().map(run).collect::<Result<_, _>>()? })
    }

    /// Headings of the implementations that were not there.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let missing = IMPLEMENTATIONS.iter().zip(&self.runs).filter(|(_, run)| run.is_none());
        missing.map(|((_, heading), _)| *heading).collect()
    }

    /// The page.
    pub(crate) fn to_markdown(&self) -> String {
        let (cells, reasons) = self.cells();
        let mut text = INTRODUCTION.to_owned();
        let headings: Vec<_> = IMPLEMENTATIONS.iter().map(|(_, heading)| *heading).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| Algorithm, purpose, scheme | {} |", headings.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(headings.len() + 1));
        for (row, cells) in cells {
            let _ = writeln!(text, "| `{row}` | {} |", cells.join(" | "));
        }
        text.push_str("\n## Reasons\n\n");
        for (index, reason) in reasons.iter().enumerate() {
            let _ = writeln!(text, "{}. {reason}", index + 1);
        }
        text
    }

    /// Headings of the implementations that were there and of which a page tells something else.
    pub(crate) fn differences(&self, page: &str) -> Vec<&'static str> {
        let documented = documented(page);
        let (cells, reasons) = self.cells();
        let differs = |column: usize| {
            cells.iter().any(|(row, cells)| {
                let ours = cells.get(column).map(|cell| resolved(cell, &reasons));
                let theirs =
                    documented.iter().find(|line| line.first() == Some(row)).and_then(|line| line.get(column + 1));
                ours.as_ref() != theirs
            })
        };
        let there =
            IMPLEMENTATIONS.iter().enumerate().filter(|(column, _)| matches!(self.runs.get(*column), Some(Some(_))));
        there.filter(|(column, _)| differs(*column)).map(|(_, (_, heading))| *heading).collect()
    }

    /// Cells of each row, and the reasons that they name by number.
    fn cells(&self) -> (Vec<(String, Vec<String>)>, Vec<String>) {
        let mut reasons: Vec<String> = Vec::new();
        let mut number = |why: &str| {
            let at = reasons.iter().position(|reason| reason == why).unwrap_or_else(|| {
                reasons.push(why.to_owned());
                reasons.len() - 1
            });
            format!("refused ({})", at + 1)
        };
        let rows: Vec<String> =
            self.runs.iter().flatten().next().into_iter().flatten().map(|line| line.row.clone()).collect();
        let mut cell = |run: &Option<Vec<Line>>, row: &str| match run.iter().flatten().find(|line| line.row == row) {
            None => ABSENT.to_owned(),
            Some(Line { refused: None, .. }) => PASSES.to_owned(),
            Some(Line { refused: Some(why), .. }) => number(why),
        };
        let cells = rows.into_iter().map(|row| {
            let cells = self.runs.iter().map(|run| cell(run, &row)).collect();
            (row, cells)
        });
        (cells.collect(), reasons)
    }
}

/// What can be told of a page without the components: its columns, its cells, its reasons.
pub(crate) fn problems(page: &str) -> Vec<String> {
    let headings: Vec<_> = IMPLEMENTATIONS.iter().map(|(_, heading)| *heading).collect();
    let expected = format!("| Algorithm, purpose, scheme | {} |", headings.join(" | "));
    let mut problems = Vec::new();
    if !page.starts_with(INTRODUCTION) {
        problems.push("does not begin as `cargo xtask conformance` writes it".to_owned());
    }
    if !page.lines().any(|line| line == expected) {
        problems.push("has other columns than there are implementations".to_owned());
    }
    let reasons = reasons(page);
    for line in documented(page) {
        let (row, cells) = line.split_first().map_or(("", &[][..]), |(row, cells)| (row.as_str(), cells));
        let sound = |cell: &String| cell == PASSES || cell == ABSENT || reasons.contains(cell);
        if cells.len() != IMPLEMENTATIONS.len() || !cells.iter().all(sound) {
            problems.push(format!("`{row}` has a cell that nothing explains"));
        }
    }
    problems
}

fn parse(text: &str) -> Option<Vec<Line>> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return None;
    }
    let line = |line: &str| {
        let mut fields = line.split('\t');
        let (row, outcome, why) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Line { row: row.to_owned(), refused: (outcome != PASSES).then(|| why.replace('|', "/")) })
    };
    lines.map(line).collect()
}

/// Rows of a page's table, with the reasons in place of their numbers.
fn documented(page: &str) -> Vec<Vec<String>> {
    let reasons = reasons(page);
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
    let rows = rows.map(cells).map(|row: Vec<String>| row.iter().map(|cell| resolved(cell, &reasons)).collect());
    rows.collect()
}

/// Reasons of a page, in the order of their numbers.
fn reasons(page: &str) -> Vec<String> {
    let (_, list) = page.split_once("\n## Reasons\n").unwrap_or_default();
    list.lines().filter_map(|line| line.split_once(". ")).map(|(_, reason)| reason.to_owned()).collect()
}

/// A cell, or the reason that it names.
fn resolved(cell: &str, reasons: &[String]) -> String {
    let number = cell.strip_prefix("refused (").and_then(|rest| rest.strip_suffix(')'));
    let at = number.and_then(|number| number.parse::<usize>().ok()).and_then(|number| number.checked_sub(1));
    at.and_then(|at| reasons.get(at)).map_or_else(|| cell.to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of two runs, the second of which refuses a row.
    fn table() -> Table {
        let directory = tempfile::tempdir().unwrap();
        let run = |name: &str, second: &str| {
            let text = format!("{HEADER}\np256 sign ecdsa-sha256\tpasses\t\n{second}\n");
            fs::write(directory.path().join(format!("{name}.tsv")), text).unwrap();
        };
        run("software", "sm2 sign sm2-sm3\tpasses\t");
        run("nss", "sm2 sign sm2-sm3\trefused\tno | mechanism");
        Table::read(directory.path()).unwrap()
    }

    #[test]
    fn a_page_tells_what_was_run() {
        let table = table();
        let page = table.to_markdown();
        assert!(page.contains("\n| `sm2 sign sm2-sm3` | passes | not there | not there | not there | refused (1) |"));
        assert!(page.ends_with("## Reasons\n\n1. no / mechanism\n"), "{page}");
        assert_eq!(problems(&page), Vec::<String>::new());
        assert_eq!(table.differences(&page), Vec::<&str>::new());
        assert_eq!(table.missing().len(), IMPLEMENTATIONS.len() - 2);
    }

    #[test]
    fn what_has_changed_is_named() {
        let page = table().to_markdown().replace("no / mechanism", "none");
        assert_eq!(table().differences(&page), ["NSS"]);
        let page =
            table().to_markdown().replace("| `p256 sign ecdsa-sha256` | passes", "| `p256 sign ecdsa-sha256` | fine");
        assert_eq!(table().differences(&page), ["Software"]);
        assert_eq!(problems(&page), ["`p256 sign ecdsa-sha256` has a cell that nothing explains"]);
        let page = table().to_markdown().replace("| NSS |", "| Other |");
        assert_eq!(problems(&page), ["has other columns than there are implementations"]);
        assert_eq!(problems(&format!("x{page}")).len(), 2);
    }

    #[test]
    fn a_run_of_another_form_is_none() {
        assert!(parse("hufu-conformance 2\n").is_none());
        assert!(parse(&format!("{HEADER}\nno tabs\n")).is_none());
    }
}
