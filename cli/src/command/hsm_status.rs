use clap::Args;

use crate::{app::App, failure::Failure, view::hsm::HsmView};

#[derive(Debug, Args)]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        app.output.show(&HsmView::new(&app.client()?.status().await?))
    }
}
