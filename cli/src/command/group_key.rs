use std::{collections::BTreeSet, path::PathBuf, str::FromStr};

use clap::Args;
use hufu_assess::{GroupToken, install_group_key};
use serde::Serialize;

use crate::{
    app::App,
    confirm::confirm,
    failure::Failure,
    input,
    output::View,
    table::{clean, pairs},
};

#[derive(Debug, Args)]
pub(crate) struct GroupKey {
    /// The group's name, as `[group]` in the configuration of the service says it
    #[arg(value_parser = group_name)]
    name: String,
    /// The vendor's PKCS#11 module
    #[arg(long, value_name = "PATH")]
    module: PathBuf,
    /// A token by its serial number, and the file with the PIN of its security officer, which nobody else can read. Once for each
    /// token of the group
    #[arg(long = "token", value_name = "SERIAL=SO_PIN_FILE", required = true)]
    tokens: Vec<Token>,
    /// Take the place of the key that the tokens have: to add a token, or to renew the key
    #[arg(long)]
    replace: bool,
    /// Do not ask before writing to the tokens
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Debug)]
struct Token {
    serial: String,
    so_pin_file: PathBuf,
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((serial, file)) if !serial.is_empty() && !file.is_empty() => {
                Ok(Self { serial: serial.to_owned(), so_pin_file: file.into() })
            }
            _ => Err("write it as SERIAL=SO_PIN_FILE".to_owned()),
        }
    }
}

fn group_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match (1..=16).contains(&text.len()) && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("a group's name has 1 to 16 lower-case letters, digits and hyphens".to_owned()),
    }
}

impl GroupKey {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        let serials: Vec<String> = self.tokens.iter().map(|token| token.serial.clone()).collect();
        if serials.iter().collect::<BTreeSet<_>>().len() < serials.len() {
            return Err(Failure::usage("a token is named twice", "name each token of the group once"));
        }
        let tokens = self.tokens.iter().map(|token| token.read(&self.module)).collect::<Result<Vec<_>, _>>()?;
        confirm(&question(&self.name, &serials, self.replace), self.yes)?;
        let unprotected = install_group_key(&self.name, tokens, self.replace)
            .map_err(|error| Failure::Assess(hufu_assess::Error::from(error)))?;
        app.output.show(&GroupKeyView { group: self.name, tokens: serials, unprotected })
    }
}

impl Token {
    fn read(&self, module: &std::path::Path) -> Result<GroupToken, Failure> {
        let so_pin = input::read_pin(&self.so_pin_file)?;
        Ok(GroupToken { module: module.to_owned(), serial: self.serial.clone(), so_pin })
    }
}

fn question(group: &str, serials: &[String], replace: bool) -> String {
    let tokens = clean(&serials.join(", "));
    let older = if replace { ", and deletes the key of that group that they have" } else { "" };
    format!("This puts a new key for the group `{group}` on the tokens {tokens}{older}. Go on?")
}

/// What was done.
#[derive(Serialize)]
struct GroupKeyView {
    group: String,
    tokens: Vec<String>,
    /// What the process could not do to protect the key while it held it.
    unprotected: Option<String>,
}

impl View for GroupKeyView {
    fn text(&self) -> String {
        pairs([
            ("group", self.group.clone()),
            ("tokens", self.tokens.join(", ")),
            ("not reached", self.unprotected.clone().unwrap_or_default()),
        ])
    }
}
