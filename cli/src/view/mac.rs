use serde::Serialize;

use super::used::UsedView;
use crate::output::View;

/// A message authentication code.
#[derive(Serialize)]
pub(crate) struct MacView {
    mac: String,
    #[serde(flatten)]
    used: UsedView,
}

impl MacView {
    pub(crate) fn new(mac: &[u8], used: UsedView) -> Self {
        Self { mac: hex::encode(mac), used }
    }
}

impl View for MacView {
    fn text(&self) -> String {
        format!("{}\n", self.mac)
    }
}
