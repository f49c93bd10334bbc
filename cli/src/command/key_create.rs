use std::time::Duration;

use clap::Args;
use hufu_sdk::{KeyChange, KeyRef, NewKey, v1};

use super::key_attributes::{Attributes, labels};
use super::key_without_version;
use crate::{app::App, args::label, failure::Failure, time::parse_duration, view::key::KeyView};

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    attributes: Attributes,
    #[command(flatten)]
    among: Among,
}

/// Among whom a key is made.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys that several hold")]
struct Among {
    /// How many of them are needed, of how many: custodians who can recover it, or holders who sign together
    #[arg(long, value_name = "T/N", value_parser = threshold, requires = "member")]
    threshold: Option<(u32, usize)>,
    /// A custodian or holder; once for each, in the order of their shares
    #[arg(long, visible_alias = "custodian", value_name = "NAME", requires = "threshold")]
    member: Vec<String>,
}

/// Reads `T/N`.
fn threshold(text: &str) -> Result<(u32, usize), String> {
    let parts = text.split_once('/').and_then(|(t, n)| Some((t.parse().ok()?, n.parse().ok()?)));
    parts.ok_or_else(|| "write how many of how many, such as `2/3`".to_owned())
}

impl Among {
    /// Who they are, where the key is one of several.
    fn sharing(&self) -> Result<Option<v1::Sharing>, Failure> {
        let Some((threshold, count)) = self.threshold else { return Ok(None) };
        if count != self.member.len() {
            let message = format!("the threshold is of {count}, and {} are named with `--member`", self.member.len());
            return Err(Failure::usage(message, "name each once"));
        }
        Ok(Some(v1::Sharing { threshold, members: self.member.clone() }))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Key
    #[arg(value_name = "NAME", value_parser = key_without_version)]
    key: KeyRef,
    /// All labels anew; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = label, conflicts_with = "no_labels")]
    label: Vec<(String, String)>,
    /// Remove all labels
    #[arg(long)]
    no_labels: bool,
    /// The description anew
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The rotation period anew
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "no_rotation_period")]
    rotation_period: Option<Duration>,
    /// Remove the rotation period
    #[arg(long)]
    no_rotation_period: bool,
}

impl Create {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let sharing = self.among.sharing()?;
        let key = NewKey { sharing, ..self.attributes.into_key()? };
        let key = app.client()?.create_key(key).await?;
        app.output.show(&KeyView::new(&key))
    }
}

impl Update {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let has_labels = self.no_labels || !self.label.is_empty();
        let change = KeyChange {
            labels: if has_labels { Some(labels(self.label)?) } else { None },
            description: self.description,
            rotation_period: if self.no_rotation_period { Some(None) } else { self.rotation_period.map(Some) },
            etag: None,
        };
        if change.labels.is_none() && change.description.is_none() && change.rotation_period.is_none() {
            return Err(Failure::usage("nothing to change", "see `hufu key update --help`"));
        }
        let key = app.client()?.update_key(&self.key, change).await?;
        app.output.show(&KeyView::new(&key))
    }
}
