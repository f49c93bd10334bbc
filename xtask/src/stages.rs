//! Stages of a run: each is timed, one failure does not hide the next, the summary tells all.

use std::time::{Duration, Instant};

use crate::error::Error;

/// How a stage that did not fail ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    /// Nothing was checked, and why.
    Skipped(String),
}

/// The stages run so far.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    records: Vec<Record>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Record {
    name: &'static str,
    time: Duration,
    ending: Result<Ending, String>,
}

impl Stages {
    /// Runs one stage under a heading and remembers how it ended.
    pub(crate) fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<Ending, Error>) {
        println!("\n==> {name}");
        let start = Instant::now();
        let ending = stage().map_err(|error| error.to_string());
        match &ending {
            Ok(Ending::Passed) => {}
            Ok(Ending::Skipped(why)) => println!("skipped: {why}"),
            Err(error) => eprintln!("error: {error}"),
        }
        self.records.push(Record { name, time: start.elapsed(), ending });
    }

    /// Adds a line that the summary repeats: something that a stage could not cover.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        println!("skipped: {note}");
        self.notes.push(note);
    }

    /// Prints the summary.
    ///
    /// # Errors
    ///
    /// Names the stages that failed.
    pub(crate) fn finish(self) -> Result<(), Error> {
        println!("\n{}", self.summary());
        let failed: Vec<_> =
            self.records.iter().filter(|record| record.ending.is_err()).map(|record| record.name).collect();
        if failed.is_empty() { Ok(()) } else { Err(Error::Stages(failed.join(", "))) }
    }

    fn summary(&self) -> String {
        let mut lines = vec!["summary".to_owned()];
        lines.extend(self.records.iter().map(Record::line));
        lines.extend(self.notes.iter().map(|note| format!("  skipped: {note}")));
        lines.join("\n")
    }
}

impl Record {
    fn line(&self) -> String {
        let ending = match &self.ending {
            Ok(Ending::Passed) => "ok".to_owned(),
            Ok(Ending::Skipped(why)) => format!("skipped: {why}"),
            Err(_) => "FAILED".to_owned(),
        };
        let seconds = self.time.as_secs_f64();
        format!("  {:<28} {seconds:>8.1} s  {ending}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_of_one_stage_lets_the_next_run_and_is_reported() {
        let mut stages = Stages::default();
        stages.run("first", || Err(Error::Untidy(2)));
        let mut ran = false;
        stages.run("second", || {
            ran = true;
            Ok(Ending::Passed)
        });
        assert!(ran);
        let error = stages.finish().unwrap_err();
        assert_eq!(error.to_string(), "failed: first");
    }

    #[test]
    fn skips_and_notes_are_in_the_summary_and_do_not_fail() {
        let mut stages = Stages::default();
        stages.run("deny", || Ok(Ending::Skipped("not installed".to_owned())));
        stages.note("no fixtures");
        let summary = stages.summary();
        assert!(summary.contains("skipped: not installed"), "{summary}");
        assert!(summary.contains("skipped: no fixtures"), "{summary}");
        assert!(stages.finish().is_ok());
    }
}
