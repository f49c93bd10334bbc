use hufu_sdk::{Random, Word as _};
use serde::Serialize;

use super::protection_text;
use crate::output::View;

/// Random bytes that were written to a file; the bytes are not in it.
#[derive(Serialize)]
pub(crate) struct RandomView {
    bytes: usize,
    protection: String,
    simulated: bool,
}

impl RandomView {
    pub(crate) fn new(random: &Random) -> Self {
        Self { bytes: random.data.len(), protection: random.protection.word(), simulated: random.simulated }
    }
}

impl View for RandomView {
    fn text(&self) -> String {
        format!("{} random bytes ({})\n", self.bytes, protection_text(&self.protection, self.simulated))
    }
}
