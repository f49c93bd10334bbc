//! Structured logs on standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Targets that are never heard: the PKCS#11 bindings log each mechanism they do not know as an error.
const SILENCED: &str = "cryptoki=off";

/// Starts logging. The filter was checked when the command line was read.
pub fn start(filter: &str, format: Option<LogFormat>) {
    let filter = EnvFilter::new(format!("{filter},{SILENCED}"));
    // A line that cannot be written is lost: it must not end the thread that wrote it.
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    match format.unwrap_or(if stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Json => logs.json().flatten_event(true).init(),
        // Without colours: what a peer sends may be in a line, and escapes have no place there.
        LogFormat::Text => logs.with_ansi(false).init(),
    }
}
