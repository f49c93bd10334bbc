//! What was found, as a table and as JSON.

use serde_json::{Value, json};

use crate::case::Case;
use crate::common::load::{Sample, median};
use crate::common::output::{number, print_table, write_json};
use crate::common::process::load_average;

const HEAD: [&str; 9] = [
    "Case",
    "callers",
    "CPU µs",
    "CPU µs at reference pace",
    "on top of the raw loop",
    "operations/s",
    "of the raw loop",
    "p50 µs",
    "p99 µs",
];

/// A case and the medians of its samples.
struct Found {
    case: Case,
    sample: Sample,
    samples: usize,
}

/// Prints the table and writes `signing.json`.
pub(crate) fn print(measured: &[(Case, Vec<Sample>)], quick: bool) {
    let found =
        measured.iter().map(|(case, samples)| Found { case: *case, sample: median(samples), samples: samples.len() });
    let found: Vec<Found> = found.collect();
    let load = load_average();
    println!(
        "Load averages at the end: {load}. CPU is that of the server (of its own process for a raw loop) for each operation;\n\
         at reference pace: scaled to a processor that needs 14.5 µs for a raw P-256 signature.\n"
    );
    print_table(&HEAD, &found.iter().map(|one| row(one, baseline(one, &found))).collect::<Vec<_>>());
    let cases: Vec<Value> = found.iter().map(|one| as_json(one, baseline(one, &found))).collect();
    write_json("signing", &json!({ "quick": quick, "load_average": load, "cases": cases }));
}

fn baseline(one: &Found, all: &[Found]) -> Option<Sample> {
    let raw = one.case.baseline()?;
    all.iter().find(|other| other.case == raw).map(|other| other.sample)
}

fn row(one: &Found, raw: Option<Sample>) -> Vec<String> {
    let sample = one.sample;
    let (above, share) = match raw {
        Some(raw) => (number(sample.steady_cpu_us - raw.steady_cpu_us), format!("{:.2}", sample.rate / raw.rate)),
        None => Default::default(),
    };
    let (cpu, steady, rate) = (number(sample.cpu_us), number(sample.steady_cpu_us), number(sample.rate));
    let (p50, p99) = (number(sample.p50_us), number(sample.p99_us));
    vec![one.case.name(), one.case.callers().to_string(), cpu, steady, above, rate, share, p50, p99]
}

fn as_json(one: &Found, raw: Option<Sample>) -> Value {
    let sample = one.sample;
    json!({
        "case": one.case.name(),
        "callers": one.case.callers(),
        "samples": one.samples,
        "cpu_us": sample.cpu_us,
        "cpu_us_at_reference_pace": sample.steady_cpu_us,
        "operations_per_s": sample.rate,
        "p50_us": sample.p50_us,
        "p99_us": sample.p99_us,
        "raw_cpu_us_at_reference_pace": raw.map(|raw| raw.steady_cpu_us),
        "raw_operations_per_s": raw.map(|raw| raw.rate),
    })
}
