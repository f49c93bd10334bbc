//! `hufud`, the daemon of the key management service.

use std::error::Error;

use clap::Parser as _;
use hufu_secret::end_process;
use hufu_server::args::{Args, Work};
use hufu_server::{daemon, logging};

fn main() -> ! {
    // A wrong command line ends here, with exit code 2.
    let args = Args::parse();
    if matches!(args.work, Some(Work::ShareOpener)) {
        hufu_wiring::open_shares();
    }
    logging::start(&args.log, args.log_format);
    end_process(match daemon::run(&args) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = chain(&error), "ended");
            error.exit_code()
        }
    })
}

/// An error and what lies behind it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        line.push_str(": ");
        line.push_str(&source.to_string());
        next = source.source();
    }
    line
}
