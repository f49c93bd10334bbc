use std::collections::BTreeMap;

use hufu_sdk::{Word as _, seconds, v1};
use serde::Serialize;

use super::{last, protection_text, time, version::VersionView};
use crate::{
    output::View,
    table::{pairs, table},
    time::duration_text,
};

/// A key.
#[derive(Serialize)]
pub(crate) struct KeyView {
    name: String,
    algorithm: String,
    scheme: String,
    purpose: String,
    protection: String,
    digest_allowed: bool,
    exit: String,
    labels: BTreeMap<String, String>,
    description: String,
    primary_version: Option<String>,
    latest_version: Option<VersionView>,
    create_time: Option<String>,
    update_time: Option<String>,
    rotation_period_seconds: Option<u64>,
    sm2_distinguishing_id: Option<String>,
    /// Among whom the material is shared.
    sharing: Option<SharingView>,
    etag: String,
    /// The versions, the newest first; only in `key show`.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<VersionView>>,
    /// Whether there are more versions than are shown; only in `key show`.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_versions: Option<bool>,
}

/// Among whom material is shared.
#[derive(Serialize)]
struct SharingView {
    threshold: u32,
    members: Vec<String>,
}

impl SharingView {
    fn new(sharing: &v1::Sharing) -> Self {
        Self { threshold: sharing.threshold, members: sharing.members.clone() }
    }

    fn text(&self) -> String {
        format!("{} of {}: {}", self.threshold, self.members.len(), self.members.join(", "))
    }
}

/// A list of keys.
#[derive(Serialize)]
pub(crate) struct KeyListView {
    keys: Vec<KeyView>,
    more: bool,
}

impl KeyView {
    pub(crate) fn new(key: &v1::Key) -> Self {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            name: key.name.clone(),
            algorithm: key.algorithm().word(),
            scheme: key.scheme().word(),
            purpose: key.purpose().word(),
            protection: key.protection().word(),
            digest_allowed: key.digest_allowed,
            exit: key.exit().word(),
            labels: key.labels.clone().into_iter().collect(),
            description: key.description.clone(),
            primary_version: some(&key.primary_version),
            latest_version: key.latest_version.as_ref().map(VersionView::new),
            create_time: time(key.create_time),
            update_time: time(key.update_time),
            rotation_period_seconds: seconds(key.rotation_period),
            sm2_distinguishing_id: some(&key.sm2_distinguishing_id),
            sharing: key.sharing.as_ref().map(SharingView::new),
            etag: key.etag.clone(),
            versions: None,
            more_versions: None,
        }
    }

    pub(crate) fn with_versions(self, versions: &[v1::KeyVersion], more: bool) -> Self {
        let versions = versions.iter().map(VersionView::new).collect();
        Self { versions: Some(versions), more_versions: Some(more), ..self }
    }

    fn simulated(&self) -> bool {
        self.latest_version.as_ref().is_some_and(|version| version.simulated)
    }

    fn primary(&self) -> &str {
        self.primary_version.as_deref().map_or("none", last)
    }

    /// The newest version, unless all of them follow in a table.
    fn latest(&self, of: impl Fn(&VersionView) -> String) -> String {
        match (&self.versions, &self.latest_version) {
            (None, Some(version)) => of(version),
            _ => String::new(),
        }
    }
}

impl View for KeyView {
    fn text(&self) -> String {
        let labels: Vec<String> = self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let period = self.rotation_period_seconds.map(std::time::Duration::from_secs);
        let mut text = pairs([
            ("name", self.name.clone()),
            ("algorithm", self.algorithm.clone()),
            ("scheme", self.scheme.clone()),
            ("purpose", self.purpose.clone()),
            ("protection", protection_text(&self.protection, self.simulated())),
            ("shared", self.sharing.as_ref().map(SharingView::text).unwrap_or_default()),
            ("attestation", self.latest(|version| version.attestation.kind.clone())),
            (
                "origin",
                self.latest(
                    |version| if version.origin == "generated" { String::new() } else { version.origin.clone() },
                ),
            ),
            ("exit", if self.exit == "never" { String::new() } else { self.exit.clone() }),
            ("digests", if self.digest_allowed { "allowed".to_owned() } else { String::new() }),
            ("labels", labels.join(", ")),
            ("description", self.description.clone()),
            ("SM2 id", self.sm2_distinguishing_id.clone().unwrap_or_default()),
            ("rotation", period.map(|p| format!("every {}", duration_text(p))).unwrap_or_default()),
            ("created", self.create_time.clone().unwrap_or_default()),
            ("primary", self.primary().to_owned()),
            ("version", self.latest(|version| version.name.clone())),
            ("state", self.latest(|version| version.state.clone())),
            ("ledger key id", self.latest(|version| version.ledger_key_id.clone())),
        ]);
        if let Some(versions) = &self.versions {
            text.push('\n');
            text.push_str(&version_table(versions));
        }
        if self.more_versions == Some(true) {
            text.push_str("there are more: see `--limit`\n");
        }
        text
    }
}

fn version_table(versions: &[VersionView]) -> String {
    let rows: Vec<Vec<String>> = versions
        .iter()
        .map(|version| {
            vec![
                last(&version.name).to_owned(),
                version.state.clone(),
                protection_text(&version.protection, version.simulated),
                version.attestation.kind.clone(),
                version.create_time.clone().unwrap_or_default(),
                version.ledger_key_id.clone(),
                version.remark(),
            ]
        })
        .collect();
    table(&["VERSION", "STATE", "PROTECTION", "ATTESTATION", "CREATED", "LEDGER KEY ID", ""], &rows)
}

impl KeyListView {
    pub(crate) fn new(keys: &[v1::Key], more: bool) -> Self {
        Self { keys: keys.iter().map(KeyView::new).collect(), more }
    }
}

impl View for KeyListView {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .keys
            .iter()
            .map(|key| {
                let latest = key.latest_version.as_ref();
                vec![
                    last(&key.name).to_owned(),
                    key.algorithm.clone(),
                    key.purpose.clone(),
                    protection_text(&key.protection, key.simulated()),
                    key.primary().to_owned(),
                    latest.map(|version| last(&version.name).to_owned()).unwrap_or_default(),
                    latest.map(|version| version.state.clone()).unwrap_or_default(),
                ]
            })
            .collect();
        let head = ["NAME", "ALGORITHM", "PURPOSE", "PROTECTION", "PRIMARY", "NEWEST", "STATE"];
        let mut text = table(&head, &rows);
        if self.more {
            text.push_str("there are more: see `--limit`\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::version::tests::sample as version;

    fn sample() -> v1::Key {
        v1::Key {
            name: "tenants/t/keys/k".into(),
            algorithm: v1::Algorithm::P256.into(),
            purpose: v1::Purpose::Sign.into(),
            protection: v1::Protection::Hsm.into(),
            labels: [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into(),
            latest_version: Some(version()),
            ..Default::default()
        }
    }

    #[test]
    fn a_new_key_shows_name_version_state_and_ledger_id() {
        let text = KeyView::new(&sample()).text();
        for part in ["tenants/t/keys/k\n", "versions/12\n", "compromised\n", &"ab".repeat(32), "a=1, b=2\n"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn json_has_versions_only_where_they_were_asked_for() {
        let json = serde_json::to_value(KeyView::new(&sample())).unwrap();
        assert_eq!(json["latest_version"]["version"], 12);
        assert_eq!(json["primary_version"], serde_json::Value::Null);
        assert!(json.get("versions").is_none());
        let json = serde_json::to_value(KeyView::new(&sample()).with_versions(&[version()], true)).unwrap();
        assert_eq!(json["versions"][0]["version"], 12);
        assert_eq!(json["more_versions"], true);
    }

    #[test]
    fn each_version_tells_who_says_where_it_lives() {
        let text = KeyView::new(&sample()).with_versions(&[version()], false).text();
        assert!(text.contains("PROTECTION      ATTESTATION  CREATED"), "{text}");
        assert!(text.contains("hsm, simulated  simulated"), "{text}");
    }

    #[test]
    fn a_list_is_a_table() {
        let text = KeyListView::new(&[sample()], true).text();
        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with("NAME  ALGORITHM"));
        assert_eq!(lines.next().unwrap(), "k     p256       sign     hsm, simulated  none     12      compromised");
        assert_eq!(lines.next().unwrap(), "there are more: see `--limit`");
    }
}
