use std::path::PathBuf;

use clap::Args;
use hufu_custodian::{Custodian, Error, Label};
use hufu_custodian_keys::KeyFile;

use crate::{app::App, custody::files, failure::Failure, sink::Access, view::custodian::CustodianView};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A key file, or an entry
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write the entry: public, for whoever makes the roster
    #[arg(long, value_name = "FILE")]
    entry_out: Option<PathBuf>,
}

impl Show {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        let (label, bytes) = files::read_any(&self.file)?;
        let (custodian, view) = match label {
            Label::CustodianKey => {
                let file = KeyFile::from_bytes(&bytes)?;
                (file.custodian().clone(), CustodianView::of_keys(&file))
            }
            Label::Custodian => {
                let custodian = Custodian::from_bytes(&bytes)?;
                let view = CustodianView::of_entry(&custodian);
                (custodian, view)
            }
            found => return Err(Error::Label { wanted: Label::Custodian, found }.into()),
        };
        match self.entry_out {
            None => app.output.show(&view),
            Some(out) => {
                files::write(&out, Label::Custodian, &custodian.to_bytes(), Access::Public)?;
                app.remark(&out, &view)
            }
        }
    }
}
