//! `hufu`: keys, their use and their proofs, from the command line.

mod app;
mod args;
mod command;
mod confirm;
#[cfg(feature = "custodian")]
mod custody;
mod exit;
mod failure;
mod input;
mod output;
mod sink;
mod table;
mod time;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let code = match run(cli) {
        Ok(()) => 0,
        Err(failure) => {
            failure.tell(&mut std::io::stderr().lock());
            exit::code(&failure) as u8
        }
    };
    // A PKCS#11 module may have been loaded, whose exit handlers take down what its threads are still working with.
    #[cfg(feature = "custodian")]
    hufu_custodian_keys::end_process(code);
    #[cfg(not(feature = "custodian"))]
    code.into()
}

fn run(cli: args::Cli) -> Result<(), failure::Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failure::Failure::Runtime)?;
    runtime.block_on(cli.run())
}
