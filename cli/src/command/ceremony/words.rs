use std::path::PathBuf;

use clap::Args;

use crate::{app::App, custody::files, failure::Failure, view::ceremony::RequestView};

#[derive(Debug, Args)]
pub(crate) struct Words {
    /// The request: the file in TOML, or what its proposer signed (nobody's signature is verified here)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Words {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        app.output.show(&RequestView::new(&files::read_request(&self.file)?))
    }
}
