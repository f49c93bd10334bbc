//! Structured logs on standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Targets that are never heard: the PKCS#11 bindings log each mechanism they do not know as an error.
const SILENCED: &str = "cryptoki=off";

/// Starts logging. The filter was checked when the command line was read.
pub fn start(filter: &str, format: Option<LogFormat>) {
    let filter = EnvFilter::new(format!("{filter},{SILENCED}"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let for_people = stderr().is_terminal();
    match format.unwrap_or(if for_people { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Json => logs.json().flatten_event(true).init(),
        LogFormat::Text => logs.with_ansi(for_people).init(),
    }
}
