use hufu_sdk::{Word as _, v1};
use serde::Serialize;

use crate::table::table;

/// A root slot.
#[derive(Serialize)]
pub(super) struct RootView {
    slot: String,
    token_serial: String,
    state: String,
    health: String,
    lacking: u64,
    simulated: bool,
    detail: String,
}

impl RootView {
    pub(super) fn new(root: &v1::RootSlot) -> Self {
        let state = root.state();
        Self {
            slot: root.slot.clone(),
            token_serial: root.token_serial.clone(),
            state: if state == v1::RootState::Unspecified { "new".to_owned() } else { state.word() },
            health: root.health().word(),
            lacking: root.lacking,
            simulated: root.simulated,
            detail: root.detail.clone(),
        }
    }

    fn row(&self) -> Vec<String> {
        let wraps = match (self.state.as_str(), self.lacking) {
            ("active", 0) => "everything".to_owned(),
            ("active", lacking) => format!("all but {lacking}"),
            _ => String::new(),
        };
        let cells = [&self.slot, &self.state, &self.health, &self.token_serial, &wraps, &self.detail];
        cells.map(Clone::clone).to_vec()
    }
}

/// The slots as a table; nothing for a service that tells of none.
pub(super) fn root_table(roots: &[RootView]) -> String {
    let rows: Vec<Vec<String>> = roots.iter().map(RootView::row).collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n{}", table(&["ROOT", "STATE", "HEALTH", "TOKEN", "WRAPS", "DETAIL"], &rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_tells_what_it_lacks() {
        let root = |lacking| v1::RootSlot {
            slot: "vault".into(),
            state: v1::RootState::Active.into(),
            health: v1::Health::Ok.into(),
            lacking,
            ..Default::default()
        };
        let text = root_table(&[RootView::new(&root(0)), RootView::new(&root(2))]);
        assert!(text.contains("everything") && text.contains("all but 2"), "{text}");
        assert_eq!(root_table(&[]), "");
        assert_eq!(RootView::new(&v1::RootSlot::default()).state, "new");
    }
}
