//! Tables for people, JSON for programs.

use std::path::PathBuf;
use std::{env, fs};

use serde_json::Value;

/// Prints a Markdown table.
pub(crate) fn print_table(head: &[&str], rows: &[Vec<String>]) {
    println!("| {} |", head.join(" | "));
    println!(
        "|{}",
        head.iter().enumerate().map(|(at, _)| if at == 0 { "---|" } else { "---:|" }).collect::<String>()
    );
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}

/// Writes `NAME.json` into `bench` in the target directory, and says where.
pub(crate) fn write_json(name: &str, value: &Value) {
    let dir = target_dir().join("bench");
    fs::create_dir_all(&dir).expect("the target directory is writable");
    let file = dir.join(format!("{name}.json"));
    fs::write(&file, format!("{value:#}\n")).expect("the target directory is writable");
    println!("written: {}", file.display());
}

/// The target directory: benches run from `PROFILE/deps` in it.
fn target_dir() -> PathBuf {
    let bench = env::current_exe().expect("the path of the bench");
    bench.ancestors().nth(3).expect("benches are built into `target/PROFILE/deps`").to_owned()
}

/// A number with the digits that mean something: three.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if !value.is_finite() => "–".to_owned(),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
