use clap::ValueEnum;
use serde::Serialize;

use crate::{failure::Failure, sink};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON value. Fields are only added, never renamed.
    Json,
}

/// A result: its fields are the JSON form.
pub(crate) trait View: Serialize {
    /// The form for people, each line ended.
    fn text(&self) -> String;
}

impl Output {
    /// Writes the result to standard output.
    pub(crate) fn show(self, view: &impl View) -> Result<(), Failure> {
        sink::write_stdout(self.render(view)?.as_bytes())
    }

    fn render(self, view: &impl View) -> Result<String, Failure> {
        match self {
            Self::Table => Ok(view.text()),
            Self::Json => serde_json::to_string_pretty(view)
                .map(|json| json + "\n")
                .map_err(|cause| Failure::Write { name: "JSON".to_owned(), cause: cause.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sample {
        key_name: &'static str,
    }

    impl View for Sample {
        fn text(&self) -> String {
            format!("{}\n", self.key_name)
        }
    }

    #[test]
    fn both_forms() {
        let sample = Sample { key_name: "k" };
        assert_eq!(Output::Table.render(&sample).unwrap(), "k\n");
        assert_eq!(Output::Json.render(&sample).unwrap(), "{\n  \"key_name\": \"k\"\n}\n");
    }
}
