use crate::{app::App, failure::Failure, view::status::StatusView};

pub(crate) async fn run(app: &App) -> Result<(), Failure> {
    let status = app.client()?.status().await?;
    app.output.show(&StatusView::new(&status))
}
