//! What a run of the suite found, written down for the table in the documentation (`cargo xtask conformance`).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

use hufu_core::algorithm::TABLE;

use super::Report;

/// Names the directory that runs are written to; without it nothing is.
const DIRECTORY: &str = "HUFU_CONFORMANCE_DIR";

/// First line of a file, with the version of its form.
const HEADER: &str = "hufu-conformance 1";

/// Writes a run down under the name of the implementation: a line for each row of the table of algorithms, its fields separated
/// by tabs: algorithm, purpose and scheme; `passes` or `refused`; the reason.
///
/// # Errors
/// Those of the file.
pub fn record(implementation: &str, report: &Report) -> io::Result<()> {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return Ok(()) };
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(format!("{implementation}.tsv")), lines(report))
}

/// Names of all rows, as the suite tells them.
fn rows() -> Vec<String> {
    let row = |entry: &'static hufu_core::algorithm::Entry| {
        entry.schemes.iter().map(|(purpose, scheme)| format!("{} {purpose} {scheme}", entry.algorithm))
    };
    TABLE.iter().flat_map(row).collect()
}

fn lines(report: &Report) -> String {
    let mut text = format!("{HEADER}\n");
    for row in rows() {
        let refused = report.skipped.iter().find_map(|skipped| skipped.strip_prefix(&row)?.strip_prefix(": "));
        // A row that is tested may have checks that do not apply.
        let (outcome, why) = match report.tested.contains(&row) {
            true => ("passes", ""),
            false => ("refused", refused.unwrap_or("no reason is told")),
        };
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{row}\t{outcome}\t{why}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_written_row_by_row() {
        let report = Report {
            tested: vec!["p256 sign ecdsa-sha256".to_owned()],
            skipped: vec![
                "p256 sign ecdsa-sha256: digest: not this one".to_owned(),
                "sm2 sign sm2-sm3: no\tsuch: thing\n".to_owned(),
            ],
        };
        let text = lines(&report);
        assert_eq!(text.lines().count(), 1 + rows().len());
        assert!(text.starts_with("hufu-conformance 1\np256 sign ecdsa-sha256\tpasses\t\n"), "{text}");
        assert!(text.contains("\nsm2 sign sm2-sm3\trefused\tno such: thing\n"), "{text}");
    }

    #[test]
    fn the_documentation_has_every_row() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/conformance.md");
        let text = fs::read_to_string(path).expect("the documentation");
        let documented: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(row, _)| row).collect();
        assert_eq!(documented, rows(), "run `cargo xtask conformance`");
    }
}
