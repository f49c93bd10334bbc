//! What was found, as a table and as JSON.

use serde_json::{Value, json};

use crate::load::{Sample, median};
use crate::output::{number, print_table, write_json};
use crate::process::load_average;
use crate::scene::{Case, Way};

const HEAD: [&str; 9] =
    ["way", "sessions", "callers", "signatures/s", "of in-process", "of the raw loop", "p50 µs", "p99 µs", "CPU µs"];

/// Prints the table and writes `isolation.json`.
pub(crate) fn print(measured: &[(Case, Vec<Sample>)], quick: bool) {
    let found: Vec<(Case, Sample)> = measured.iter().map(|(case, samples)| (*case, median(samples))).collect();
    let load = load_average();
    println!("Load averages at the end: {load}. CPU is that of all processes for each signature.\n");
    print_table(&HEAD, &found.iter().map(|one| row(*one, &found)).collect::<Vec<_>>());
    let cases: Vec<Value> = found.iter().map(|one| as_json(*one, &found)).collect();
    write_json("isolation", &json!({ "quick": quick, "load_average": load, "cases": cases }));
}

/// The rate relative to the case that differs in the way alone; the raw loop knows no callers.
fn share((case, sample): (Case, Sample), of: Way, all: &[(Case, Sample)]) -> Option<f64> {
    let same = |other: &&(Case, Sample)| {
        let other = other.0;
        other.way == of && other.sessions == case.sessions && (of == Way::Raw || other.callers == case.callers)
    };
    all.iter().find(same).map(|(_, other)| sample.rate / other.rate)
}

fn row(one: (Case, Sample), all: &[(Case, Sample)]) -> Vec<String> {
    let (case, sample) = one;
    let share = |of| share(one, of, all).map_or_else(String::new, |share| format!("{share:.2}"));
    let numbers = [number(sample.p50_us), number(sample.p99_us), number(sample.cpu_us)];
    let mut row = vec![case.way.words().to_owned(), case.sessions.to_string(), case.callers.to_string()];
    row.extend([number(sample.rate), share(Way::InProcess), share(Way::Raw)]);
    row.extend(numbers);
    row
}

fn as_json(one: (Case, Sample), all: &[(Case, Sample)]) -> Value {
    let (case, sample) = one;
    json!({
        "way": case.way.words(),
        "sessions": case.sessions,
        "callers": case.callers,
        "signatures_per_s": sample.rate,
        "of_in_process": share(one, Way::InProcess, all),
        "of_raw": share(one, Way::Raw, all),
        "p50_us": sample.p50_us,
        "p99_us": sample.p99_us,
        "cpu_us": sample.cpu_us,
    })
}
