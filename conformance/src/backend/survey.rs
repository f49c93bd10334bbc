//! The suite as a survey: every row is tried and told, whatever became of the others.

use hufu_core::algorithm::{Algorithm, Purpose, Scheme, TABLE};

use super::{Case, Failure, Report, Subject, limits, random};

/// What became of one row of the table of algorithms, or of one check that belongs to none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Algorithm, purpose and scheme, or what else was checked.
    pub name: String,
    /// What was found.
    pub finding: Finding,
    /// Checks that did not apply.
    pub skipped: Vec<String>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Claimed, and every check holds.
    Holds,
    /// Not claimed, with the reason that the backend gives.
    Refused(String),
    /// A check failed.
    Fails(Failure),
}

/// Runs every check that the backend's capabilities allow; `begin` hears the name of each row before it is tried.
pub async fn survey(subject: &Subject<'_>, begin: impl Fn(&str)) -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in TABLE {
        for (purpose, scheme) in entry.schemes {
            let case = Case { subject: *subject, algorithm: entry.algorithm, purpose: *purpose, scheme: *scheme };
            let name = case.to_string();
            begin(&name);
            rows.push(tried(&case, name, (entry.algorithm, *purpose, *scheme)).await);
        }
    }
    let mut report = Report::default();
    begin("random bytes");
    let found = random::check(subject, &mut report).await;
    rows.push(row("random bytes".to_owned(), found, report));
    begin("inventory");
    rows.push(row("inventory".to_owned(), limits::check_inventory(subject).await, Report::default()));
    rows
}

async fn tried(case: &Case<'_>, name: String, (algorithm, purpose, scheme): (Algorithm, Purpose, Scheme)) -> Row {
    let capabilities = case.subject.backend.capabilities();
    let mut report = Report::default();
    match capabilities.check(algorithm, purpose, scheme) {
        Ok(()) => {
            let found = case.run(&mut report).await;
            row(name, found, report)
        }
        Err(why) => {
            let mut row = row(name, case.refused(&capabilities, &why).await, report);
            if row.finding == Finding::Holds {
                row.finding = Finding::Refused(why);
            }
            row
        }
    }
}

fn row(name: String, found: Result<(), Failure>, report: Report) -> Row {
    Row { name, finding: found.map_or_else(Finding::Fails, |()| Finding::Holds), skipped: report.skipped }
}
