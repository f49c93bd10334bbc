//! The form for people.

use std::time::{Duration, UNIX_EPOCH};

use super::{Check, Random, Report};

/// The report in Markdown; the plots are files beside it.
pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    for part in [
        head(report),
        verdict(report),
        token(report),
        algorithms(report),
        checks("Attributes", &report.attributes),
        checks("Limits", &report.limits),
        speed(report),
        checks("Death and recovery", &report.recovery),
        report.random.as_ref().map(random).unwrap_or_default(),
        cleanup(report),
    ] {
        text.push_str(&part);
    }
    text
}

fn head(report: &Report) -> String {
    let Report { token, hufu_version, took_ms, started_at_ms, .. } = report;
    let began = UNIX_EPOCH.checked_add(Duration::from_millis(*started_at_ms)).unwrap_or(UNIX_EPOCH);
    let began = humantime::format_rfc3339_seconds(began);
    let quick = if report.quick { "\nThis was a **quick** run: a first look, not an admission.\n" } else { "" };
    format!(
        "# Assessment of {} {}, serial {}\n\nBy hufu {hufu_version}, begun {began}, in {:.1} s.\n{quick}\n",
        cell(&token.manufacturer),
        cell(&token.model),
        cell(&token.serial),
        *took_ms as f64 / 1e3
    )
}

fn verdict(report: &Report) -> String {
    let rows = report
        .verdict
        .reasons
        .iter()
        .map(|reason| vec![reason.weight.words().to_owned(), reason.area.to_owned(), reason.text.clone()]);
    let reasons = table(&["Weight", "Part", "Why"], rows.collect());
    format!("## Verdict: {}\n\n{reasons}", report.verdict.outcome.words())
}

fn token(report: &Report) -> String {
    let token = &report.token;
    let rows = [
        ("module", token.module.clone()),
        ("library", format!("{}, PKCS#11 {}", token.library, token.cryptoki_version)),
        ("label", token.label.clone()),
        ("hardware, firmware", format!("{}, {}", token.hardware_version, token.firmware_version)),
        ("a program, not a device", if token.simulated { "yes" } else { "not known to be one" }.to_owned()),
        ("vendor profile", token.vendor_profile.clone()),
        ("mechanisms listed", token.mechanisms.len().to_string()),
    ];
    let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    format!("## The token\n\n{}", table(&["", "What it says of itself"], rows))
}

fn algorithms(report: &Report) -> String {
    let rows = report.algorithms.iter().map(|row| {
        let skipped = row.skipped.iter().map(String::as_str);
        let details: Vec<&str> =
            std::iter::once(row.detail.as_str()).chain(skipped).filter(|text| !text.is_empty()).collect();
        vec![row.name.clone(), row.outcome.words().to_owned(), details.join("; ")]
    });
    format!("## What it claims, and what holds\n\n{}", table(&["What", "Found", "Detail"], rows.collect()))
}

fn checks(title: &str, checks: &[Check]) -> String {
    let rows = checks.iter().map(|check| {
        let weight = check.weight.words().to_owned();
        vec![
            check.name.to_owned(),
            check.outcome.words().to_owned(),
            check.detail.clone(),
            weight,
            check.standard.to_owned(),
        ]
    });
    let head = ["What should hold", "Found", "Detail", "Weight", "Standard"];
    format!("## {title}\n\n{}", table(&head, rows.collect()))
}

fn speed(report: &Report) -> String {
    let Some(algorithm) = &report.speed_algorithm else {
        return "## Speed\n\nThe token signs with no algorithm of the trials.\n\n".to_owned();
    };
    let rows = report.speed.iter().map(|row| {
        let bad = format!("{} wrong of {}, {} failed", row.wrong, row.verified, row.errors);
        vec![
            row.sessions.to_string(),
            format!("{:.0}", row.signatures_per_second),
            format!("{:.0}", row.p50_us),
            format!("{:.0}", row.p99_us),
            row.first_error.as_ref().map_or(bad.clone(), |error| format!("{bad}: {error}")),
        ]
    });
    let head = ["Sessions", "Signatures a second", "p50, µs", "p99, µs", "Verified afterwards"];
    let table = table(&head, rows.collect());
    format!("## Speed: {algorithm}\n\n{table}![Signatures a second against sessions](speed.svg)\n\n")
}

fn random(random: &Random) -> String {
    let estimates = random.estimates.iter().map(|estimate| {
        vec![
            estimate.name.to_owned(),
            format!("{:.4}", estimate.bits_per_bit),
            format!("SP 800-90B §{}", estimate.section),
        ]
    });
    let tests = random.tests.iter().map(|test| {
        let smallest = test.p_values.iter().copied().fold(1.0, f64::min);
        vec![
            test.name.to_owned(),
            test.grade.to_owned(),
            format!("{} of {}", test.passed, test.p_values.len()),
            format!("{smallest:.4}"),
            test.standard.to_owned(),
        ]
    });
    format!(
        "## Random numbers\n\n{} bytes, {:.0} a second. Health tests: {} ({}). Blocks of 16 bytes that came twice: {}. \
         Least estimate: **{:.2} bits of min-entropy a byte**.\n\n{}{}![Byte values](bytes.svg)\n\n\
         ![P-values](p-values.svg)\n\n",
        random.len,
        random.bytes_per_second,
        random.health.outcome.words(),
        random.health.detail,
        random.repeated_blocks,
        random.min_entropy_bits_per_byte,
        table(&["Estimate", "Bits a bit", "Section"], estimates.collect()),
        table(&["Test", "Grade", "P ≥ 0.01", "Smallest P", "Standard"], tests.collect()),
    )
}

fn cleanup(report: &Report) -> String {
    let left = match report.cleanup.left.as_slice() {
        [] => "all are destroyed".to_owned(),
        left => format!("**left on the token**, to be deleted by hand (CKA_ID): {}", left.join(", ")),
    };
    let count = |objects: Option<usize>| objects.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    format!(
        "## Cleaning up\n\n{} keys were made under random identities; {left}. Objects before: {}, afterwards: {}.\n",
        report.cleanup.keys_made,
        count(report.cleanup.objects_before),
        count(report.cleanup.objects_after)
    )
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return "Nothing.\n\n".to_owned();
    }
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push('\n');
    text
}

/// What a token says must not shape the page: no markup, no line breaks, no control characters.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '|' => safe.push_str("\\|"),
            '<' => safe.push_str("&lt;"),
            '[' => safe.push_str("\\["),
            '`' => safe.push('\''),
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_token_cannot_write_into_the_report() {
        assert_eq!(cell("a|b\n# <script>[x](y)`"), "a\\|b # &lt;script>\\[x](y)'");
    }
}
