use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hufu_custodian::{Label, armour, printable};

use crate::{
    custody::files,
    failure::Failure,
    sink::{self, Access},
};

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Armour, or a printable text as it was typed; a wrong character is told by its line
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to make of it
    #[arg(long, value_enum)]
    to: Form,
    /// Where it goes
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For mail, clipboards and files
    Armour,
    /// For paper: numbered lines with a checksum each
    Printable,
}

impl Convert {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (label, bytes) = files::read_any(&self.file)?;
        let text = match self.to {
            Form::Armour => armour::write(label, &bytes)?,
            Form::Printable => printable::write(label, &bytes)?,
        };
        let secret = matches!(label, Label::CustodianKey | Label::Share | Label::ShareSet | Label::Handover);
        let access = if secret { Access::Secret } else { Access::Public };
        sink::write(&self.out, text.as_bytes(), access)
    }
}
