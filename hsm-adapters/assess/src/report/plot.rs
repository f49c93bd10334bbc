//! Small plots, as SVG without scripts or outside references.

use super::{Random, Report};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
/// Room for the labels, on every side.
const MARGIN: f64 = 40.0;

/// Every plot that the report has data for: file name and content.
pub(super) fn all(report: &Report) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    if !report.speed.is_empty() {
        files.push(("speed.svg", speed(report)));
    }
    if let Some(random) = &report.random {
        files.push(("bytes.svg", bytes(random)));
        files.push(("p-values.svg", p_values(random)));
    }
    files
}

fn speed(report: &Report) -> String {
    let rates = report.speed.iter().map(|row| row.signatures_per_second);
    let bars: Vec<(String, f64)> =
        report.speed.iter().map(|row| format!("{} sessions", row.sessions)).zip(rates).collect();
    bar_chart("signatures a second", &bars)
}

fn p_values(random: &Random) -> String {
    let mut counts = [0_u32; 10];
    for p in random.tests.iter().flat_map(|test| &test.p_values) {
        let class = (1..10_u8).filter(|edge| *p >= f64::from(*edge) / 10.0).count();
        if let Some(count) = counts.get_mut(class) {
            *count += 1;
        }
    }
    let bars: Vec<(String, f64)> =
        counts.iter().zip(0..).map(|(count, class)| (format!("0.{class}"), f64::from(*count))).collect();
    bar_chart("P-values of all tests, by tenths: a good source fills them evenly", &bars)
}

/// Deviation of each byte value from the mean, in standard deviations.
fn bytes(random: &Random) -> String {
    let mean = random.len as f64 / 256.0;
    let step = (WIDTH - 2.0 * MARGIN) / 256.0;
    let scale = (HEIGHT / 2.0 - MARGIN) / 5.0;
    let mut marks = String::new();
    for (at, count) in random.histogram.iter().enumerate() {
        let deviation = ((f64::from(*count) - mean) / mean.sqrt().max(1.0)).clamp(-5.0, 5.0);
        let (x, y) = (MARGIN + at as f64 * step, HEIGHT / 2.0 - deviation * scale);
        marks.push_str(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.6\" fill=\"#1f4e79\"/>"));
    }
    for sigma in [-3.0, 0.0, 3.0] {
        let y = HEIGHT / 2.0 - sigma * scale;
        let right = WIDTH - MARGIN;
        marks.push_str(&format!(
            "<line x1=\"{MARGIN}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#999\"/>\
             <text x=\"4\" y=\"{y:.1}\">{sigma} σ</text>"
        ));
    }
    frame("how often each byte value came, in standard deviations from the mean", &marks)
}

fn bar_chart(title: &str, bars: &[(String, f64)]) -> String {
    let most = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let step = (WIDTH - 2.0 * MARGIN) / bars.len().max(1) as f64;
    let mut marks = String::new();
    for (at, (label, value)) in bars.iter().enumerate() {
        let height = (HEIGHT - 2.0 * MARGIN) * value / most;
        let (x, y) = (MARGIN + at as f64 * step, HEIGHT - MARGIN - height);
        let (width, below) = (step * 0.7, HEIGHT - MARGIN + 16.0);
        marks.push_str(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"#1f4e79\"/>\
             <text x=\"{x:.1}\" y=\"{below}\">{label}</text><text x=\"{x:.1}\" y=\"{:.1}\">{value:.0}</text>",
            y - 4.0
        ));
    }
    frame(title, &marks)
}

fn frame(title: &str, marks: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/><text x=\"{MARGIN}\" y=\"18\" font-size=\"13\">{title}</text>\
         {marks}</svg>\n"
    )
}
