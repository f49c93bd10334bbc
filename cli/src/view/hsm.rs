use hufu_sdk::{Word as _, v1};
use serde::Serialize;

use super::time;
use crate::{
    output::View,
    table::{pairs, table},
};

/// The tokens of the service.
#[derive(Serialize)]
pub(crate) struct HsmView {
    devices: Vec<DeviceView>,
    /// Nothing where there is no group of tokens.
    levelling: Option<LevellingView>,
}

#[derive(Serialize)]
struct DeviceView {
    backend: String,
    serial: String,
    model: String,
    label: String,
    health: String,
    detail: String,
    breaker: &'static str,
    generation: u64,
    sessions: u32,
    calls_under_way: u32,
    simulated: bool,
    missing_keys: u64,
}

#[derive(Serialize)]
struct LevellingView {
    running: bool,
    keys_seen: u64,
    keys_left: u64,
    finish_time: Option<String>,
}

impl HsmView {
    pub(crate) fn new(status: &v1::Status) -> Self {
        let devices = status
            .backends
            .iter()
            .flat_map(|backend| backend.devices.iter().map(|device| DeviceView::new(&backend.name, device)));
        Self { devices: devices.collect(), levelling: status.levelling.as_ref().map(LevellingView::new) }
    }
}

impl DeviceView {
    fn new(backend: &str, device: &v1::Device) -> Self {
        Self {
            backend: backend.to_owned(),
            serial: device.serial.clone(),
            model: device.model.clone(),
            label: device.label.clone(),
            health: device.health().word(),
            detail: device.detail.clone(),
            breaker: if device.breaker_open { "open" } else { "closed" },
            generation: device.generation,
            sessions: device.sessions,
            calls_under_way: device.calls_under_way,
            simulated: device.simulated,
            missing_keys: device.missing_keys,
        }
    }

    fn row(&self) -> Vec<String> {
        let model = if self.simulated { format!("{}, simulated", self.model) } else { self.model.clone() };
        vec![
            self.serial.clone(),
            self.backend.clone(),
            model,
            self.label.clone(),
            self.health.clone(),
            self.breaker.to_owned(),
            self.generation.to_string(),
            format!("{}/{}", self.calls_under_way, self.sessions),
            self.missing_keys.to_string(),
            self.detail.clone(),
        ]
    }
}

impl LevellingView {
    fn new(levelling: &v1::LevellingStatus) -> Self {
        Self {
            running: levelling.running,
            keys_seen: levelling.keys_seen,
            keys_left: levelling.keys_left,
            finish_time: time(levelling.finish_time),
        }
    }

    fn text(&self) -> String {
        let state = if self.running { "under way" } else { "done" };
        pairs([
            ("levelling", format!("{state}, {} keys seen, {} left", self.keys_seen, self.keys_left)),
            ("last pass", self.finish_time.clone().unwrap_or_default()),
        ])
    }
}

impl View for HsmView {
    fn text(&self) -> String {
        let head = [
            "SERIAL",
            "BACKEND",
            "MODEL",
            "LABEL",
            "HEALTH",
            "BREAKER",
            "GENERATION",
            "CALLS/SESSIONS",
            "MISSING",
            "DETAIL",
        ];
        let rows: Vec<Vec<String>> = self.devices.iter().map(DeviceView::row).collect();
        let mut text = table(&head, &rows);
        if let Some(levelling) = &self.levelling {
            text.push('\n');
            text.push_str(&levelling.text());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_a_line() {
        let device = |serial: &str, health: v1::Health| v1::Device {
            serial: serial.into(),
            model: "SoftHSM project SoftHSM v2".into(),
            health: health.into(),
            simulated: true,
            missing_keys: 3,
            sessions: 2,
            ..Default::default()
        };
        let devices = vec![device("1", v1::Health::Ok), device("2", v1::Health::Failed)];
        let status = v1::Status {
            backends: vec![v1::Backend { name: "group:front".into(), devices, ..Default::default() }],
            levelling: Some(v1::LevellingStatus { keys_seen: 7, keys_left: 3, ..Default::default() }),
            ..Default::default()
        };
        let view = HsmView::new(&status);
        let text = view.text();
        assert!(text.contains("simulated") && text.contains("7 keys seen, 3 left"), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains("group:front")).count(), 2, "{text}");
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["devices"][1]["health"], "failed");
        assert_eq!(json["levelling"]["keys_left"], 3);
    }
}
