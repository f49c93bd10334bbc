use std::collections::BTreeSet;

use hufu_sdk::{Word as _, v1};
use serde::Serialize;

use super::{
    protection_text,
    root::{RootView, root_table},
    tenant::{TenantKeyView, rotation_table},
    time,
};
use crate::{
    output::View,
    table::{pairs, table},
};

/// State of the service.
#[derive(Serialize)]
pub(crate) struct StatusView {
    version: String,
    mode: String,
    simulated: Vec<String>,
    principal: String,
    tenant: String,
    storage: String,
    start_time: Option<String>,
    now: Option<String>,
    backends: Vec<BackendView>,
    journal: JournalView,
    ledger: LedgerView,
    reconciler: ReconcilerView,
    roots: Vec<RootView>,
    rotations: Vec<TenantKeyView>,
    alarms: Vec<AlarmView>,
    quarantined_keys: Vec<String>,
}

#[derive(Serialize)]
struct BackendView {
    name: String,
    protection: String,
    health: String,
    simulated: bool,
    token_serial: String,
    vendor_profile: String,
    detail: String,
    capabilities: Vec<CapabilityView>,
}

#[derive(Serialize)]
struct CapabilityView {
    algorithm: String,
    operations: Vec<String>,
}

#[derive(Serialize)]
struct JournalView {
    health: String,
    writer: String,
    sequence: u64,
    slots_used: u32,
    slots: u32,
}

#[derive(Serialize)]
struct LedgerView {
    health: String,
    origin: String,
    tree_size: u64,
    pending_leaves: u64,
    checkpoint_time: Option<String>,
}

#[derive(Serialize)]
struct ReconcilerView {
    health: String,
    last_run_time: Option<String>,
    open_intents: u64,
    unknown_objects: u64,
}

#[derive(Serialize)]
struct AlarmView {
    kind: String,
    resource: String,
    detail: String,
    raise_time: Option<String>,
}

impl StatusView {
    pub(crate) fn new(status: &v1::Status) -> Self {
        Self {
            version: status.version.clone(),
            mode: status.mode().word(),
            simulated: status.simulated.clone(),
            principal: status.principal.clone(),
            tenant: status.tenant.clone(),
            storage: status.storage().word(),
            start_time: time(status.start_time),
            now: time(status.now),
            backends: status.backends.iter().map(BackendView::new).collect(),
            journal: JournalView::new(&status.journal.clone().unwrap_or_default()),
            ledger: LedgerView::new(&status.ledger.clone().unwrap_or_default()),
            reconciler: ReconcilerView::new(&status.reconciler.unwrap_or_default()),
            roots: status.roots.iter().map(RootView::new).collect(),
            rotations: status.rotations.iter().map(TenantKeyView::new).collect(),
            alarms: status.alarms.iter().map(AlarmView::new).collect(),
            quarantined_keys: status.quarantined_keys.clone(),
        }
    }
}

impl BackendView {
    fn new(backend: &v1::Backend) -> Self {
        Self {
            name: backend.name.clone(),
            protection: backend.protection().word(),
            health: backend.health().word(),
            simulated: backend.simulated,
            token_serial: backend.token_serial.clone(),
            vendor_profile: profiles(&backend.devices),
            detail: backend.detail.clone(),
            capabilities: backend.capabilities.iter().map(CapabilityView::new).collect(),
        }
    }
}

/// The vendor profiles of its devices, each once.
fn profiles(devices: &[v1::Device]) -> String {
    let names: BTreeSet<&str> = devices.iter().map(|device| device.vendor_profile.as_str()).collect();
    names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
}

impl CapabilityView {
    fn new(capability: &v1::Capability) -> Self {
        Self { algorithm: capability.algorithm().word(), operations: capability.operations.clone() }
    }
}

impl JournalView {
    fn new(journal: &v1::JournalStatus) -> Self {
        Self {
            health: journal.health().word(),
            writer: journal.writer.clone(),
            sequence: journal.sequence,
            slots_used: journal.slots_used,
            slots: journal.slots,
        }
    }
}

impl LedgerView {
    fn new(ledger: &v1::LedgerStatus) -> Self {
        Self {
            health: ledger.health().word(),
            origin: ledger.origin.clone(),
            tree_size: ledger.tree_size,
            pending_leaves: ledger.pending_leaves,
            checkpoint_time: time(ledger.checkpoint_time),
        }
    }
}

impl ReconcilerView {
    fn new(reconciler: &v1::ReconcilerStatus) -> Self {
        Self {
            health: reconciler.health().word(),
            last_run_time: time(reconciler.last_run_time),
            open_intents: reconciler.open_intents,
            unknown_objects: reconciler.unknown_objects,
        }
    }
}

impl AlarmView {
    fn new(alarm: &v1::Alarm) -> Self {
        Self {
            kind: alarm.kind.clone(),
            resource: alarm.resource.clone(),
            detail: alarm.detail.clone(),
            raise_time: time(alarm.raise_time),
        }
    }
}

impl View for StatusView {
    fn text(&self) -> String {
        let (journal, ledger, reconciler) = (&self.journal, &self.ledger, &self.reconciler);
        let mut text = pairs([
            ("hufud", self.version.clone()),
            ("mode", self.mode.clone()),
            ("simulated", self.simulated.join(", ")),
            ("caller", self.principal.clone()),
            ("tenant", self.tenant.clone()),
            ("storage", self.storage.clone()),
            ("started", self.start_time.clone().unwrap_or_default()),
            ("journal", format!("{}, record {}", journal.health, journal.sequence)),
            ("ledger", format!("{}, {} leaves, {} pending", ledger.health, ledger.tree_size, ledger.pending_leaves)),
            (
                "reconciler",
                format!(
                    "{}, {} open intents, {} unknown objects",
                    reconciler.health, reconciler.open_intents, reconciler.unknown_objects
                ),
            ),
            ("quarantine", self.quarantined_keys.join(", ")),
        ]);
        text.push('\n');
        text.push_str(&self.backend_table());
        text.push_str(&root_table(&self.roots));
        text.push_str(&rotation_table(&self.rotations));
        text.push_str(&self.alarm_table());
        text
    }
}

impl StatusView {
    fn backend_table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .backends
            .iter()
            .map(|backend| {
                vec![
                    backend.name.clone(),
                    protection_text(&backend.protection, backend.simulated),
                    backend.health.clone(),
                    backend.token_serial.clone(),
                    backend.vendor_profile.clone(),
                    backend.algorithms(),
                    backend.detail.clone(),
                ]
            })
            .collect();
        table(&["BACKEND", "PROTECTION", "HEALTH", "TOKEN", "PROFILE", "ALGORITHMS", "DETAIL"], &rows)
    }

    fn alarm_table(&self) -> String {
        if self.alarms.is_empty() {
            return String::new();
        }
        let rows: Vec<Vec<String>> = self
            .alarms
            .iter()
            .map(|alarm| {
                let since = alarm.raise_time.clone().unwrap_or_default();
                vec![alarm.kind.clone(), since, alarm.resource.clone(), alarm.detail.clone()]
            })
            .collect();
        format!("\n{}", table(&["ALARM", "SINCE", "RESOURCE", "DETAIL"], &rows))
    }
}

impl BackendView {
    fn algorithms(&self) -> String {
        let mut names: Vec<&str> = self.capabilities.iter().map(|c| c.algorithm.as_str()).collect();
        names.dedup();
        names.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> v1::Status {
        v1::Status {
            version: "1.2.3".into(),
            mode: v1::Mode::Development.into(),
            simulated: vec!["softhsm".into(), "software root".into()],
            backends: vec![v1::Backend { name: "hsm".into(), simulated: true, protection: 2, ..Default::default() }],
            alarms: vec![v1::Alarm { kind: "QUARANTINE".into(), ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn what_is_simulated_is_told() {
        let text = StatusView::new(&sample()).text();
        assert!(text.contains("mode        development\nsimulated   softhsm, software root\n"), "{text}");
        assert!(text.contains("hsm, simulated"), "{text}");
        assert!(text.contains("\nALARM       SINCE"), "{text}");
    }

    #[test]
    fn json_is_stable() {
        let json = serde_json::to_value(StatusView::new(&sample())).unwrap();
        assert_eq!(json["mode"], "development");
        assert_eq!(json["backends"][0]["protection"], "hsm");
        assert_eq!(json["ledger"]["tree_size"], 0);
        assert_eq!(json["alarms"][0]["kind"], "QUARANTINE");
    }
}
