use std::path::Path;

use hufu_assess::report::Report;
use serde::Serialize;

use crate::{
    output::View,
    table::{pairs, table},
};

/// What was found about a token; the JSON form is the whole report.
#[derive(Serialize)]
pub(crate) struct AssessmentView<'a> {
    #[serde(flatten)]
    report: &'a Report,
    report_directory: String,
}

impl<'a> AssessmentView<'a> {
    pub(crate) fn new(report: &'a Report, directory: &Path) -> Self {
        Self { report, report_directory: directory.display().to_string() }
    }
}

impl View for AssessmentView<'_> {
    fn text(&self) -> String {
        let Report { token, verdict, speed, random, .. } = self.report;
        let fastest = speed.iter().map(|row| row.signatures_per_second).fold(0.0, f64::max);
        let entropy = random.as_ref().map(|random| {
            format!("{:.2} bits of min-entropy a byte, at least by these estimates", random.min_entropy_bits_per_byte)
        });
        let mut text = pairs([
            ("token", format!("{} {}, serial {}", token.manufacturer, token.model, token.serial)),
            ("vendor profile", token.vendor_profile.clone()),
            ("verdict", verdict.outcome.words().to_owned()),
            ("signatures", format!("{fastest:.0} a second at most")),
            ("random numbers", entropy.unwrap_or_default()),
            ("report", format!("{}/report.md", self.report_directory)),
        ]);
        if !verdict.reasons.is_empty() {
            let rows: Vec<_> = verdict
                .reasons
                .iter()
                .map(|reason| vec![reason.weight.words().to_owned(), reason.area.to_owned(), reason.text.clone()])
                .collect();
            text.push('\n');
            text.push_str(&table(&["WEIGHT", "PART", "WHY"], &rows));
        }
        text
    }
}
