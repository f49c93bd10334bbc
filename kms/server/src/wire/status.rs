//! The state of the service on the wire.

use hufu_core::algorithm::{Algorithm, Purpose};
use hufu_core::backend::{Capabilities, DeviceStatus, Health};
use hufu_core::policy::Principal;
use hufu_core::record::{Protection, RootState};
use hufu_engine::RootReport;
use hufu_engine::api::{Alarm, BackendStatus, Levelling, Status, TenantKey};
use hufu_proto::v1;

use super::enums::Wire as _;
use super::time::timestamp;

/// Most alarms and quarantined keys that are told.
const LISTED_MAX: usize = 100;

/// Which database an installation has; configuration knows it, the engine does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StorageKind {
    /// Not told.
    #[default]
    Unknown,
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgresql,
    /// In memory.
    Memory,
}

/// What only configuration knows of an installation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Installation {
    /// The database.
    pub storage: StorageKind,
    /// Whether `hufud --dev` made certificates that are in use.
    pub development_certificates: bool,
}

/// The state as one principal may see it: of other tenants nothing by name.
#[must_use]
pub fn status(status: &Status, installation: Installation, principal: &Principal) -> v1::Status {
    let tenant = &principal.record.tenant;
    let visible = |resource: &str| is_visible(resource, tenant.as_str());
    v1::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: mode(status.development).into(),
        simulated: simulated(status, installation.development_certificates),
        backends: status.backends.iter().map(backend).collect(),
        storage: storage_kind(installation.storage).into(),
        journal: Some(journal(status)),
        ledger: Some(ledger(status)),
        reconciler: Some(reconciler(status)),
        alarms: status.alarms.iter().filter(|a| visible(&a.resource)).take(LISTED_MAX).map(alarm).collect(),
        quarantined_keys: status.quarantined.iter().filter(|k| visible(k)).take(LISTED_MAX).cloned().collect(),
        start_time: Some(timestamp(status.started_at)),
        now: Some(timestamp(status.now)),
        principal: principal.record.id.to_string(),
        tenant: format!("tenants/{tenant}"),
        levelling: status.levelling.as_ref().map(levelling),
        roots: status.roots.iter().map(root).collect(),
        rotations: status.rotations.iter().filter(|key| key.tenant == *tenant).map(tenant_key).collect(),
    }
}

/// A tenant's wrapping key, and how far its rotation is.
#[must_use]
pub fn tenant_key(key: &TenantKey) -> v1::TenantKey {
    v1::TenantKey {
        name: format!("tenants/{}", key.tenant),
        wrapping_key: key.wrapping_key.to_string(),
        rotation: key.rotation.map(|rotation| v1::TenantKeyRotation {
            start_time: Some(timestamp(rotation.began_at)),
            old_keys: u32::try_from(rotation.old_keys).unwrap_or(u32::MAX),
            keys_done: rotation.done,
            keys_total: rotation.total,
            rewrapped: rotation.rewrapped,
            left: rotation.left,
            clean: rotation.clean,
        }),
    }
}

/// Whether a resource belongs to no tenant or to this one.
fn is_visible(resource: &str, tenant: &str) -> bool {
    match resource.strip_prefix("tenants/") {
        Some(rest) => rest.split('/').next() == Some(tenant),
        None => true,
    }
}

fn mode(development: bool) -> v1::Mode {
    if development { v1::Mode::Development } else { v1::Mode::Production }
}

fn storage_kind(storage: StorageKind) -> v1::StorageKind {
    match storage {
        StorageKind::Unknown => v1::StorageKind::Unspecified,
        StorageKind::Sqlite => v1::StorageKind::Sqlite,
        StorageKind::Postgresql => v1::StorageKind::Postgresql,
        StorageKind::Memory => v1::StorageKind::Memory,
    }
}

fn simulated(status: &Status, development_certificates: bool) -> Vec<String> {
    let backends = status.backends.iter().filter(|backend| backend.capabilities.simulated);
    let mut simulated: Vec<String> = backends.map(|backend| backend.name.clone()).collect();
    let roots = status.roots.iter().filter(|root| root.simulated).map(|root| format!("token:{}", root.serial));
    for name in roots {
        if !simulated.contains(&name) {
            simulated.push(name);
        }
    }
    if development_certificates {
        simulated.push("development certificates".to_owned());
    }
    simulated
}

fn backend(backend: &BackendStatus) -> v1::Backend {
    let devices: Vec<v1::Device> = backend.devices.iter().map(device).collect();
    let (health, detail) = match &backend.health {
        Health::Serving => (worst_of(&devices), details_of(&devices)),
        Health::Down(why) => (v1::Health::Failed, why.clone()),
    };
    v1::Backend {
        name: backend.name.clone(),
        protection: backend.protection.to_wire(),
        health: health.into(),
        simulated: backend.capabilities.simulated,
        token_serial: token_serial(backend),
        detail,
        capabilities: capabilities(&backend.capabilities),
        devices,
    }
}

/// A key store that serves is at most degraded.
fn worst_of(devices: &[v1::Device]) -> v1::Health {
    let all_well = devices.iter().all(|device| device.health() == v1::Health::Ok);
    if all_well { v1::Health::Ok } else { v1::Health::Degraded }
}

fn details_of(devices: &[v1::Device]) -> String {
    let troubled = devices.iter().filter(|device| device.health() != v1::Health::Ok);
    troubled.map(|device| format!("{}: {}", device.serial, device.detail)).collect::<Vec<_>>().join("; ")
}

fn device(device: &DeviceStatus) -> v1::Device {
    let (health, detail) = match &device.health {
        Health::Down(why) => (v1::Health::Failed, why.clone()),
        Health::Serving if device.missing > 0 => {
            (v1::Health::Degraded, format!("levelling, {} keys missing", device.missing))
        }
        Health::Serving => (v1::Health::Ok, String::new()),
    };
    v1::Device {
        serial: device.serial.clone(),
        model: device.model.clone(),
        label: device.label.clone(),
        health: health.into(),
        detail,
        breaker_open: device.breaker_open,
        generation: device.generation,
        sessions: device.sessions,
        calls_under_way: device.in_flight,
        simulated: device.simulated,
        missing_keys: device.missing,
        vendor_profile: device.profile.clone(),
    }
}

fn levelling(levelling: &Levelling) -> v1::LevellingStatus {
    v1::LevellingStatus {
        running: levelling.running,
        keys_seen: levelling.seen,
        keys_left: levelling.left,
        finish_time: (levelling.finished_at > 0).then(|| timestamp(levelling.finished_at)),
    }
}

/// Token backends are named `token:SERIAL`.
fn token_serial(backend: &BackendStatus) -> String {
    match (backend.protection, backend.name.strip_prefix("token:")) {
        (Protection::Hsm, Some(serial)) => serial.to_owned(),
        _ => String::new(),
    }
}

fn capabilities(capabilities: &Capabilities) -> Vec<v1::Capability> {
    let mut told: Vec<(Algorithm, Vec<String>)> = Vec::new();
    for (algorithm, purpose, _) in &capabilities.schemes {
        let operations = operations(*purpose).iter().map(|name| (*name).to_owned());
        match told.iter_mut().find(|(known, _)| known == algorithm) {
            Some((_, all)) => all.extend(operations),
            None => told.push((*algorithm, operations.collect())),
        }
    }
    told.into_iter().map(capability).collect()
}

fn capability((algorithm, mut operations): (Algorithm, Vec<String>)) -> v1::Capability {
    operations.sort_unstable();
    operations.dedup();
    v1::Capability { algorithm: algorithm.to_wire(), operations }
}

fn operations(purpose: Purpose) -> &'static [&'static str] {
    match purpose {
        Purpose::Sign => &["generate", "destroy", "sign"],
        Purpose::Encrypt => &["generate", "destroy", "seal", "open"],
        Purpose::Mac => &["generate", "destroy", "mac"],
        Purpose::Encapsulate => &["generate", "destroy", "decapsulate"],
        Purpose::Agree => &["generate", "destroy", "agree"],
        Purpose::Wrap => &["generate", "destroy", "wrap", "unwrap"],
        Purpose::Import => &["import"],
    }
}

fn journal(status: &Status) -> v1::JournalStatus {
    v1::JournalStatus {
        health: health(status.journal_serving).into(),
        writer: status.writer.clone(),
        // The engine tells the next number.
        sequence: status.audit_sequence.saturating_sub(1),
        slots_used: status.slots.0,
        slots: status.slots.1,
    }
}

fn ledger(status: &Status) -> v1::LedgerStatus {
    v1::LedgerStatus {
        health: health(status.ledger_halted.is_none()).into(),
        origin: status.ledger_origin.clone(),
        tree_size: status.ledger_size,
        pending_leaves: status.ledger_pending,
        checkpoint_time: (status.ledger_at > 0).then(|| timestamp(status.ledger_at)),
    }
}

fn reconciler(status: &Status) -> v1::ReconcilerStatus {
    let health = if status.unknown_objects > 0 { v1::Health::Degraded } else { v1::Health::Ok };
    v1::ReconcilerStatus {
        health: health.into(),
        last_run_time: (status.reconciled_at > 0).then(|| timestamp(status.reconciled_at)),
        open_intents: status.intents_open,
        unknown_objects: status.unknown_objects,
    }
}

fn root(root: &RootReport) -> v1::RootSlot {
    v1::RootSlot {
        slot: root.slot.clone(),
        token_serial: root.serial.clone(),
        state: root.state.map_or(0, RootState::to_wire),
        health: health(root.missing.is_none()).into(),
        detail: root.missing.clone().unwrap_or_default(),
        // Not how many there are: that would tell how many tenants there are.
        lacking: root.keys.saturating_sub(root.wraps),
        simulated: root.simulated,
    }
}

fn health(good: bool) -> v1::Health {
    if good { v1::Health::Ok } else { v1::Health::Failed }
}

fn alarm(alarm: &Alarm) -> v1::Alarm {
    v1::Alarm {
        kind: alarm.kind.to_uppercase().replace('-', "_"),
        resource: alarm.resource.clone(),
        detail: alarm.detail.clone(),
        raise_time: Some(timestamp(alarm.at)),
    }
}

#[cfg(test)]
mod tests {
    use hufu_core::algorithm::Scheme;

    use super::*;

    #[test]
    fn other_tenants_are_not_named() {
        assert!(is_visible("", "dev") && is_visible("software", "dev") && is_visible("tenants/dev/keys/k", "dev"));
        assert!(!is_visible("tenants/devil/keys/k", "dev") && !is_visible("tenants/de", "dev"));
    }

    #[test]
    fn a_group_with_a_token_down_is_degraded() {
        let one = |serial: &str, health, missing| DeviceStatus {
            serial: serial.to_owned(),
            model: String::new(),
            label: String::new(),
            health,
            breaker_open: false,
            generation: 0,
            sessions: 1,
            in_flight: 0,
            simulated: true,
            profile: "acme".to_owned(),
            missing,
        };
        let status = |devices| {
            let told = backend(&BackendStatus {
                name: "group:g".to_owned(),
                protection: Protection::Hsm,
                health: Health::Serving,
                capabilities: Capabilities::default(),
                devices,
            });
            (told.health(), told.detail)
        };
        let down = Health::Down("gone".to_owned());
        assert_eq!(status(vec![one("1", Health::Serving, 0)]), (v1::Health::Ok, String::new()));
        let told = status(vec![one("1", Health::Serving, 0), one("2", down, 3)]);
        assert_eq!(told, (v1::Health::Degraded, "2: gone".to_owned()));
        let told = status(vec![one("1", Health::Serving, 3)]);
        assert_eq!(told, (v1::Health::Degraded, "1: levelling, 3 keys missing".to_owned()));
    }

    #[test]
    fn capabilities_are_told_once_an_algorithm() {
        let schemes = vec![
            (Algorithm::Rsa3072, Purpose::Sign, Scheme::RsaPssSha256),
            (Algorithm::Rsa3072, Purpose::Sign, Scheme::RsaPkcs1Sha256),
            (Algorithm::Rsa3072, Purpose::Encrypt, Scheme::RsaOaepSha256),
        ];
        let told = capabilities(&Capabilities { schemes, ..Default::default() });
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].operations, ["destroy", "generate", "open", "seal", "sign"]);
    }
}
