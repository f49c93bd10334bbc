use std::path::PathBuf;

use clap::Args;

use crate::{app::App, custody::files, failure::Failure, view::ceremony::PolicyView};

#[derive(Debug, Args)]
pub(crate) struct Policy {
    /// The policy, in TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Policy {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        app.output.show(&PolicyView::new(&files::read_policy(&self.file)?))
    }
}
