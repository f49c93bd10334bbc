use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use hufu_sdk::{KeyRef, NewKey, v1};

use super::key_without_version;
use crate::{
    args::{label, word},
    failure::Failure,
    time::parse_duration,
};

/// What a key is that is created or comes in.
#[derive(Debug, Args)]
pub(crate) struct Attributes {
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

impl Attributes {
    pub(crate) fn algorithm(&self) -> v1::Algorithm {
        self.algorithm
    }

    pub(crate) fn into_key(self) -> Result<NewKey, Failure> {
        Ok(NewKey {
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
        })
    }
}

pub(super) fn labels(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Failure> {
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
