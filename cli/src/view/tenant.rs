use hufu_sdk::v1;
use serde::Serialize;

use super::time;
use crate::{
    output::View,
    table::{pairs, table},
};

/// The wrapping key of a tenant.
#[derive(Serialize)]
pub(crate) struct TenantKeyView {
    tenant: String,
    wrapping_key: String,
    rotation: Option<RotationView>,
}

/// How far its rotation is.
#[derive(Serialize)]
struct RotationView {
    start_time: Option<String>,
    old_keys: u32,
    keys_done: u64,
    keys_total: u64,
    rewrapped: u64,
    left: u64,
    clean: bool,
    #[serde(skip)]
    text: String,
}

impl TenantKeyView {
    pub(crate) fn new(key: &v1::TenantKey) -> Self {
        Self {
            tenant: key.name.clone(),
            wrapping_key: key.wrapping_key.clone(),
            rotation: key.rotation.as_ref().map(RotationView::new),
        }
    }
}

impl RotationView {
    fn new(rotation: &v1::TenantKeyRotation) -> Self {
        Self {
            start_time: time(rotation.start_time),
            old_keys: rotation.old_keys,
            keys_done: rotation.keys_done,
            keys_total: rotation.keys_total,
            rewrapped: rotation.rewrapped,
            left: rotation.left,
            clean: rotation.clean,
            text: progress_text(rotation),
        }
    }
}

impl View for TenantKeyView {
    fn text(&self) -> String {
        let rotation = self.rotation.as_ref().map_or_else(|| "none under way".to_owned(), |it| it.text.clone());
        let since = self.rotation.as_ref().and_then(|it| it.start_time.clone()).unwrap_or_default();
        pairs([
            ("tenant", self.tenant.clone()),
            ("wrapping key", self.wrapping_key.clone()),
            ("rotation", rotation),
            ("since", since),
        ])
    }
}

/// One line for people.
pub(crate) fn progress_text(rotation: &v1::TenantKeyRotation) -> String {
    let v1::TenantKeyRotation { keys_done, keys_total, left, clean, .. } = rotation;
    match (clean, left) {
        (true, _) => format!("{keys_total} keys are under it: the old wrapping key is about to be destroyed"),
        (false, 0) => format!("{keys_done} of {keys_total} keys"),
        (false, left) => format!("{keys_done} of {keys_total} keys, and {left} that cannot be: see the alarms"),
    }
}

/// Rotations as a table; nothing where there is none.
pub(super) fn rotation_table(rotations: &[TenantKeyView]) -> String {
    let row = |key: &TenantKeyView| {
        let (since, text) = key
            .rotation
            .as_ref()
            .map_or_else(Default::default, |it| (it.start_time.clone().unwrap_or_default(), it.text.clone()));
        vec![key.tenant.clone(), since, text]
    };
    match rotations.is_empty() {
        true => String::new(),
        false => {
            let rows: Vec<Vec<String>> = rotations.iter().map(row).collect();
            format!("\n{}", table(&["NEW WRAPPING KEY OF", "SINCE", "PROGRESS"], &rows))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_words() {
        let half = v1::TenantKeyRotation { keys_done: 3, keys_total: 7, ..Default::default() };
        let left = v1::TenantKeyRotation { left: 1, ..half };
        let clean = v1::TenantKeyRotation { clean: true, ..half };
        assert_eq!(progress_text(&half), "3 of 7 keys");
        assert!(progress_text(&left).contains("1 that cannot be") && progress_text(&clean).contains("destroyed"));
        let key = v1::TenantKey { name: "tenants/dev".into(), wrapping_key: "ab".into(), rotation: Some(half) };
        assert!(rotation_table(&[TenantKeyView::new(&key)]).contains("3 of 7 keys"));
        let none = TenantKeyView::new(&v1::TenantKey { rotation: None, ..key });
        assert!(none.text().contains("none under way"));
        assert_eq!(rotation_table(&[]), "");
    }
}
