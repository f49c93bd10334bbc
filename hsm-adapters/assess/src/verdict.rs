//! From findings to a decision. Pure, so that the rules can be read and tested.

use crate::report::{Check, Decision, Outcome, Random, Reason, Report, Verdict, Weight};

/// Below this the random source is refused: a good one is estimated above 6 bits a byte by these estimates.
const ENTROPY_REFUSED_BELOW: f64 = 4.0;
/// Below this there is a reservation.
const ENTROPY_DOUBTED_BELOW: f64 = 6.0;

/// Judges a report whose other parts are complete.
pub(crate) fn of(report: &Report) -> Verdict {
    let mut reasons = Vec::new();
    for row in report.algorithms.iter().filter(|row| row.outcome == Outcome::Fails) {
        reasons.push(reason(Weight::Critical, "algorithms", format!("{}: {}", row.name, row.detail)));
    }
    for (area, checks) in
        [("attributes", &report.attributes), ("limits", &report.limits), ("recovery", &report.recovery)]
    {
        reasons.extend(checks.iter().filter_map(|check| of_check(area, check)));
    }
    of_speed(report, &mut reasons);
    match &report.random {
        Some(random) => of_random(random, &mut reasons),
        None => reasons.push(reason(
            Weight::Important,
            "random numbers",
            "the token gives none, so none were judged".to_owned(),
        )),
    }
    of_circumstances(report, &mut reasons);
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight));
    let outcome = match reasons.first().map(|reason| reason.weight) {
        Some(Weight::Critical) => Decision::Refused,
        Some(Weight::Important) => Decision::AdmittedWithReservations,
        Some(Weight::Informative) | None => Decision::Admitted,
    };
    Verdict { outcome, reasons }
}

fn of_check(area: &'static str, check: &Check) -> Option<Reason> {
    let text = format!("{}: {}", check.name, check.detail);
    match check.outcome {
        Outcome::Fails => Some(reason(check.weight, area, text)),
        // What was not tried was not shown: what would refuse the token is a reservation then.
        Outcome::Skipped if check.weight == Weight::Critical => Some(reason(Weight::Important, area, text)),
        Outcome::Skipped => Some(reason(Weight::Informative, area, text)),
        Outcome::Holds | Outcome::NotSupported => None,
    }
}

fn of_speed(report: &Report, reasons: &mut Vec<Reason>) {
    for row in &report.speed {
        let with = format!("with {} sessions", row.sessions);
        if row.wrong > 0 {
            let text = format!("{with}, {} of {} signatures were bad", row.wrong, row.verified);
            reasons.push(reason(Weight::Critical, "concurrency", text));
        }
        if row.errors > 0 || row.signatures == 0 {
            let why = row.first_error.clone().unwrap_or_else(|| "no signature".to_owned());
            reasons.push(reason(
                Weight::Important,
                "concurrency",
                format!("{with}, {} calls failed: {why}", row.errors),
            ));
        }
    }
    if report.speed_algorithm.is_none() {
        let text =
            "the token makes and uses no signing key of the trials; speed, concurrency and recovery were not tried";
        reasons.push(reason(Weight::Critical, "algorithms", text.to_owned()));
    }
}

fn of_random(random: &Random, reasons: &mut Vec<Reason>) {
    let area = "random numbers";
    reasons.extend(of_check(area, &random.health));
    if random.repeated_blocks > 0 {
        let text = format!("{} blocks of 16 bytes came twice", random.repeated_blocks);
        reasons.push(reason(Weight::Critical, area, text));
    }
    let entropy = random.min_entropy_bits_per_byte;
    if entropy < ENTROPY_DOUBTED_BELOW {
        let weight = if entropy < ENTROPY_REFUSED_BELOW { Weight::Critical } else { Weight::Important };
        reasons.push(reason(weight, area, format!("estimated at {entropy:.2} bits of min-entropy a byte")));
    }
    for test in &random.tests {
        let weight = match test.grade {
            "failed" => Weight::Critical,
            "weak" => Weight::Important,
            _ => continue,
        };
        let text = format!("{}: {} of {} sequences at least 0.01", test.name, test.passed, test.p_values.len());
        reasons.push(reason(weight, area, text));
    }
    if random.tests.iter().all(|test| test.p_values.is_empty()) {
        let text = "fewer than a million bits: the tests of SP 800-22 and GM/T 0005 did not run";
        reasons.push(reason(Weight::Important, area, text.to_owned()));
    }
}

fn of_circumstances(report: &Report, reasons: &mut Vec<Reason>) {
    if report.token.simulated {
        let text = "it is a program, not a device: its keys are as safe as its host, and a production configuration refuses it";
        reasons.push(reason(Weight::Important, "token", text.to_owned()));
    }
    if report.quick {
        reasons.push(reason(Weight::Important, "this run", "it was a quick one".to_owned()));
    }
    if !report.cleanup.left.is_empty() {
        let text = format!("{} keys could not be destroyed", report.cleanup.left.len());
        reasons.push(reason(Weight::Critical, "cleaning up", text));
    }
    if let (Some(before), Some(after)) = (report.cleanup.objects_before, report.cleanup.objects_after)
        && after > before
    {
        let text = format!(
            "{} objects more than before: the token keeps what it refused to make, unless others made them",
            after - before
        );
        reasons.push(reason(Weight::Important, "cleaning up", text));
    }
}

fn reason(weight: Weight, area: &'static str, text: String) -> Reason {
    Reason { weight, area, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Algorithm, Cleanup, Speed, StatisticalTest, Token};

    fn check(weight: Weight, outcome: Outcome) -> Check {
        Check { name: "a rule", standard: "", weight, outcome, detail: String::new() }
    }

    fn good() -> Report {
        let text = String::new;
        let speed = Speed {
            sessions: 1,
            signatures: 10,
            signatures_per_second: 10.0,
            p50_us: 1.0,
            p99_us: 1.0,
            verified: 10,
            wrong: 0,
            errors: 0,
            first_error: None,
        };
        let test = StatisticalTest { name: "runs", standard: "", grade: "passed", p_values: vec![0.5], passed: 1 };
        Report {
            format: crate::report::FORMAT,
            version: crate::report::VERSION,
            hufu_version: "",
            started_at_ms: 0,
            took_ms: 0,
            quick: false,
            verdict: Verdict { outcome: Decision::Refused, reasons: Vec::new() },
            token: Token {
                module: text(),
                library: text(),
                cryptoki_version: text(),
                manufacturer: text(),
                model: text(),
                serial: text(),
                label: text(),
                hardware_version: text(),
                firmware_version: text(),
                simulated: false,
                vendor_profile: String::new(),
                mechanisms: Vec::new(),
            },
            algorithms: Vec::new(),
            attributes: vec![check(Weight::Critical, Outcome::Holds)],
            limits: Vec::new(),
            speed: vec![speed],
            speed_algorithm: Some(text()),
            recovery: Vec::new(),
            random: Some(Random {
                len: 1,
                bytes_per_second: 1.0,
                health: check(Weight::Critical, Outcome::Holds),
                repeated_blocks: 0,
                estimates: Vec::new(),
                min_entropy_bits_per_byte: 7.0,
                tests: vec![test],
                histogram: Vec::new(),
            }),
            cleanup: Cleanup { keys_made: 1, left: Vec::new(), objects_before: Some(3), objects_after: Some(3) },
        }
    }

    #[track_caller]
    fn decides(expected: Decision, change: impl FnOnce(&mut Report)) {
        let mut report = good();
        change(&mut report);
        let verdict = of(&report);
        assert_eq!(verdict.outcome, expected, "{:?}", verdict.reasons);
        assert_eq!(verdict.reasons.is_empty(), expected == Decision::Admitted);
    }

    #[test]
    fn a_token_without_fault_is_admitted() {
        decides(Decision::Admitted, |_| ());
        decides(Decision::Admitted, |report| report.attributes.push(check(Weight::Critical, Outcome::NotSupported)));
    }

    #[test]
    fn one_grave_fault_refuses() {
        let refused = |change: fn(&mut Report)| decides(Decision::Refused, change);
        refused(|report| report.attributes.push(check(Weight::Critical, Outcome::Fails)));
        refused(|report| report.recovery.push(check(Weight::Critical, Outcome::Fails)));
        refused(|report| report.speed.iter_mut().for_each(|row| row.wrong = 1));
        refused(|report| report.speed_algorithm = None);
        refused(|report| report.cleanup.left.push("x".to_owned()));
        refused(|report| {
            let (name, detail) = ("p256".to_owned(), String::new());
            report.algorithms.push(Algorithm { name, outcome: Outcome::Fails, detail, skipped: Vec::new() });
        });
        refused(|report| report.random.iter_mut().for_each(|random| random.min_entropy_bits_per_byte = 3.9));
        refused(|report| report.random.iter_mut().for_each(|random| random.repeated_blocks = 1));
        refused(|report| report.random.iter_mut().for_each(|random| random.health.outcome = Outcome::Fails));
        refused(|report| {
            report.random.iter_mut().flat_map(|random| &mut random.tests).for_each(|test| test.grade = "failed");
        });
    }

    #[test]
    fn lesser_faults_and_what_was_not_tried_are_reservations() {
        let reserved = |change: fn(&mut Report)| decides(Decision::AdmittedWithReservations, change);
        reserved(|report| report.attributes.push(check(Weight::Important, Outcome::Fails)));
        reserved(|report| report.attributes.push(check(Weight::Critical, Outcome::Skipped)));
        reserved(|report| report.token.simulated = true);
        reserved(|report| report.quick = true);
        reserved(|report| report.random = None);
        reserved(|report| report.cleanup.objects_after = Some(4));
        reserved(|report| report.random.iter_mut().for_each(|random| random.min_entropy_bits_per_byte = 5.0));
        reserved(|report| report.speed.iter_mut().for_each(|row| row.errors = 1));
    }
}
