use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use hufu_sdk::{KeyChange, KeyRef, NewKey, v1};

use super::key_without_version;
use crate::{
    app::App,
    args::{label, word},
    failure::Failure,
    time::parse_duration,
    view::key::KeyView,
};

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the key: 1 to 63 of a-z, 0-9 and `-`, beginning with a letter, not ending with `-`
    #[arg(value_name = "NAME", value_parser = key_without_version)]
    key: KeyRef,
    /// What the key is made of
    #[arg(long, value_parser = word::<v1::Algorithm>(), ignore_case = true)]
    algorithm: v1::Algorithm,
    /// Where the private or secret part lives; never another place than this
    #[arg(long, value_parser = word::<v1::Protection>(), ignore_case = true)]
    protection: v1::Protection,
    /// The one thing the key is for [default: by algorithm]
    #[arg(long, value_parser = word::<v1::Purpose>(), ignore_case = true)]
    purpose: Option<v1::Purpose>,
    /// How it is used [default: by algorithm and purpose]
    #[arg(long, value_parser = word::<v1::Scheme>(), ignore_case = true)]
    scheme: Option<v1::Scheme>,
    /// Accept digests in place of messages
    #[arg(long)]
    allow_digest: bool,
    /// Label; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Free text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// How often the key ought to be rotated, for example `90d`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    rotation_period: Option<Duration>,
    /// Distinguishing identifier of an SM2 key [default: 1234567812345678]
    #[arg(long, value_name = "TEXT")]
    sm2_id: Option<String>,
    /// Leave the first version pre-active instead of activating it
    #[arg(long)]
    pre_active: bool,
    /// Whether its material may ever leave, wrapped [default: never]
    #[arg(long, value_parser = word::<v1::Exit>(), ignore_case = true)]
    exit: Option<v1::Exit>,
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
        let key = NewKey {
            purpose: self.purpose,
            scheme: self.scheme,
            digest_allowed: self.allow_digest,
            labels: labels(self.label)?,
            description: self.description,
            rotation_period: self.rotation_period,
            sm2_distinguishing_id: self.sm2_id,
            pre_active: self.pre_active,
            exit: self.exit,
            ..NewKey::new(self.key.key(), self.algorithm, self.protection)
        };
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

fn labels(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for (key, value) in pairs {
        if labels.insert(key.clone(), value).is_some() {
            return Err(Failure::usage(format!("label `{key}` is given twice"), ""));
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_given_once() {
        let pair = |key: &str| (key.to_owned(), String::new());
        assert_eq!(labels(vec![pair("a"), pair("b")]).unwrap().len(), 2);
        assert!(labels(vec![pair("a"), pair("a")]).is_err());
    }
}
