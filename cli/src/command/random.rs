use std::path::{Path, PathBuf};

use clap::Args;
use hufu_sdk::v1;

use crate::{
    app::App,
    args::word,
    failure::Failure,
    sink::{self, Access},
    view::random::RandomView,
};

#[derive(Debug, Args)]
pub(crate) struct Random {
    /// How many: 1 to 65536
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    bytes: u32,
    /// Where they come from: the token, or the service itself
    #[arg(long, value_parser = word::<v1::Protection>(), ignore_case = true, default_value = "software")]
    source: v1::Protection,
    /// Where they go as raw bytes; a file is readable by its owner only [default: standard output, if no terminal]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Random {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        if self.out.is_none() && sink::stdout_is_terminal() {
            return Err(Failure::usage(
                "random bytes do not belong on a terminal",
                "name a file with `--out FILE`, or `--out -` if you mean it",
            ));
        }
        let random = app.client()?.generate_random(self.bytes, self.source).await?;
        let out = self.out.as_deref().unwrap_or(Path::new("-"));
        sink::write(out, &random.data, Access::Secret)?;
        app.remark(out, &RandomView::new(&random))
    }
}
