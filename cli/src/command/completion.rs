use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{args::Cli, failure::Failure, sink};

#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// Which shell
    shell: Shell,
}

impl Completion {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "hufu", &mut script);
        sink::write_stdout(&script)
    }
}
