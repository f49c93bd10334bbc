//! What the service counts, for Prometheus.

use std::time::Duration;

use hufu_core::backend::Health;
use hufu_engine::api::{Status, TenantKey};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tonic::Code;

use crate::rpc::Method;

/// Bounds of the latency histogram, in seconds: from a cached read to a slow token.
const LATENCY_BOUNDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    methods: Vec<MethodMetrics>,
    failed: Family<RequestLabels, Counter>,
    /// Calls whose certificate belongs to no active principal.
    pub unauthenticated: Counter,
    /// Calls refused because the caller or its tenant sends more than its share.
    pub rate_limited: Counter,
    /// Handshakes that came to nothing, by cause.
    handshakes_failed: Family<CauseLabels, Counter>,
    /// Connections that are open and authenticated.
    pub connections: Gauge,
    /// Connections refused at a limit.
    pub connections_refused: Counter,
    state: StateMetrics,
}

struct MethodMetrics {
    done: Counter,
    duration: Histogram,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabels {
    rpc: &'static str,
    code: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RpcLabels {
    rpc: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct BackendLabels {
    backend: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct DeviceLabels {
    serial: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct TenantLabels {
    tenant: String,
}

/// Gauges that are read from the engine from time to time.
#[derive(Default)]
struct StateMetrics {
    serving: Gauge,
    slots_used: Gauge,
    slots: Gauge,
    audit_sequence: Gauge,
    ledger_size: Gauge,
    ledger_pending: Gauge,
    ledger_halted: Gauge,
    alarms: Gauge,
    backends: Family<BackendLabels, Gauge>,
    devices: Family<DeviceLabels, Gauge>,
    missing_keys: Family<DeviceLabels, Gauge>,
    levelling_left: Gauge,
    /// Of each tenant whose wrapping key is being rotated: keys gone through, keys in all, and what is left as it is.
    rewrap_done: Family<TenantLabels, Gauge>,
    rewrap_total: Family<TenantLabels, Gauge>,
    rewrap_left: Family<TenantLabels, Gauge>,
}

/// Why a handshake came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandshakeFailure {
    /// The peer was too slow.
    Timeout,
    /// It had to give way to a newer one.
    Displaced,
    /// TLS failed: no certificate, a wrong one, an old protocol, or noise.
    Refused,
}

impl Metrics {
    /// Registers every metric.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("hufu");
        let requests = Family::<RequestLabels, Counter>::default();
        let durations = Family::<RpcLabels, Histogram>::new_with_constructor(|| Histogram::new(LATENCY_BOUNDS));
        registry.register("requests", "Calls answered", requests.clone());
        registry.register_with_unit("request_duration", "Time to answer", Unit::Seconds, durations.clone());
        let methods = Method::ALL.iter().map(|method| MethodMetrics::new(*method, &requests, &durations)).collect();
        let mut metrics = Self {
            registry,
            methods,
            failed: requests,
            unauthenticated: Counter::default(),
            rate_limited: Counter::default(),
            handshakes_failed: Family::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            state: StateMetrics::default(),
        };
        metrics.register_edge();
        metrics.state.register(&mut metrics.registry);
        metrics
    }

    fn register_edge(&mut self) {
        let registry = &mut self.registry;
        registry.register("unauthenticated", "Calls of unknown or disabled principals", self.unauthenticated.clone());
        registry.register("rate_limited", "Calls beyond the caller's share", self.rate_limited.clone());
        registry.register("tls_handshakes_failed", "Handshakes without success", self.handshakes_failed.clone());
        registry.register("connections", "Open authenticated connections", self.connections.clone());
        registry.register("connections_refused", "Connections beyond a limit", self.connections_refused.clone());
    }

    /// Counts an answered call.
    pub fn answered(&self, method: Method, code: Code, took: Duration) {
        let Some(metrics) = self.methods.get(method.index()) else { return };
        metrics.duration.observe(took.as_secs_f64());
        if code == Code::Ok {
            metrics.done.inc();
        } else {
            let labels = RequestLabels { rpc: method.name(), code: code_name(code) };
            self.failed.get_or_create(&labels).inc();
        }
    }

    /// Counts a handshake that came to nothing.
    pub fn handshake_failed(&self, failure: HandshakeFailure) {
        let cause = match failure {
            HandshakeFailure::Timeout => "timeout",
            HandshakeFailure::Displaced => "displaced",
            HandshakeFailure::Refused => "refused",
        };
        self.handshakes_failed.get_or_create(&CauseLabels { cause }).inc();
    }

    /// Notes whether the service can do its work.
    pub fn set_serving(&self, serving: bool) {
        self.state.serving.set(serving.into());
    }

    /// Notes the state of the service.
    pub fn observe(&self, status: &Status) {
        self.state.observe(status);
    }

    /// All metrics in the text format of Prometheus.
    ///
    /// # Errors
    /// When a value cannot be formatted.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut encoded = String::new();
        text::encode(&mut encoded, &self.registry)?;
        Ok(encoded)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl MethodMetrics {
    /// Looks the labels up once, so that a call only touches counters.
    fn new(
        method: Method,
        requests: &Family<RequestLabels, Counter>,
        durations: &Family<RpcLabels, Histogram>,
    ) -> Self {
        let labels = RequestLabels { rpc: method.name(), code: code_name(Code::Ok) };
        let duration = durations.get_or_create(&RpcLabels { rpc: method.name() }).clone();
        Self { done: requests.get_or_create(&labels).clone(), duration }
    }
}

impl StateMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("serving", "Whether the service can do its work", self.serving.clone());
        registry.register("journal_slots_used", "Journal slots in use", self.slots_used.clone());
        registry.register("journal_slots", "Journal slots in all", self.slots.clone());
        registry.register("audit_sequence", "Number of the next audit record", self.audit_sequence.clone());
        registry.register("ledger_size", "Leaves under the newest checkpoint", self.ledger_size.clone());
        registry.register("ledger_pending", "Leaves not yet under a checkpoint", self.ledger_pending.clone());
        registry.register("ledger_halted", "Whether the ledger stands still", self.ledger_halted.clone());
        registry.register("alarms", "What needs a person", self.alarms.clone());
        registry.register("backend_up", "Whether the backend answers", self.backends.clone());
        registry.register("device_up", "Whether the token answers", self.devices.clone());
        registry.register(
            "device_missing_keys",
            "Keys of its group that it is known to lack",
            self.missing_keys.clone(),
        );
        registry.register("levelling_left", "Keys not yet on every token", self.levelling_left.clone());
        let rotated = "of a tenant whose wrapping key is being rotated";
        registry.register("rewrap_keys_done", format!("Keys gone through, {rotated}"), self.rewrap_done.clone());
        registry.register("rewrap_keys", format!("Keys in all, {rotated}"), self.rewrap_total.clone());
        registry.register("rewrap_left", format!("Versions left as they are, {rotated}"), self.rewrap_left.clone());
    }

    fn observe(&self, status: &Status) {
        self.slots_used.set(status.slots.0.into());
        self.slots.set(status.slots.1.into());
        self.audit_sequence.set(gauge(status.audit_sequence));
        self.ledger_size.set(gauge(status.ledger_size));
        self.ledger_pending.set(gauge(status.ledger_pending));
        self.ledger_halted.set(status.ledger_halted.is_some().into());
        self.alarms.set(gauge(status.alarms.len() as u64));
        for backend in &status.backends {
            let labels = BackendLabels { backend: backend.name.clone() };
            self.backends.get_or_create(&labels).set((backend.health == Health::Serving).into());
        }
        for device in status.backends.iter().flat_map(|backend| &backend.devices) {
            let labels = DeviceLabels { serial: device.serial.clone() };
            self.devices.get_or_create(&labels).set((device.health == Health::Serving).into());
            self.missing_keys.get_or_create(&labels).set(gauge(device.missing));
        }
        self.observe_rotations(&status.rotations);
        self.levelling_left.set(gauge(status.levelling.as_ref().map_or(0, |levelling| levelling.left)));
    }
}

impl StateMetrics {
    /// Rotations that have ended are shown no more.
    fn observe_rotations(&self, rotations: &[TenantKey]) {
        let gauges = [&self.rewrap_done, &self.rewrap_total, &self.rewrap_left];
        gauges.iter().for_each(|gauge| gauge.clear());
        for key in rotations {
            let (labels, shown) = (TenantLabels { tenant: key.tenant.to_string() }, key.rotation.unwrap_or_default());
            for (family, value) in gauges.iter().zip([shown.done, shown.total, shown.left]) {
                family.get_or_create(&labels).set(gauge(value));
            }
        }
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The code's name in the gRPC specification.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use hufu_engine::api::RotationProgress;

    use super::*;

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let metrics = Metrics::new();
        metrics.answered(Method::Sign, Code::Ok, Duration::from_micros(300));
        metrics.answered(Method::Sign, Code::NotFound, Duration::from_micros(10));
        metrics.handshake_failed(HandshakeFailure::Timeout);
        let text = metrics.encode().unwrap();
        assert!(text.contains("hufu_requests_total{rpc=\"Sign\",code=\"OK\"} 1"), "{text}");
        assert!(text.contains("hufu_requests_total{rpc=\"Sign\",code=\"NOT_FOUND\"} 1"), "{text}");
        assert!(text.contains("hufu_request_duration_seconds_count{rpc=\"Sign\"} 2"), "{text}");
        assert!(text.contains("hufu_tls_handshakes_failed_total{cause=\"timeout\"} 1"), "{text}");
    }

    #[test]
    fn rotations_are_shown_while_they_are_under_way() {
        let metrics = Metrics::new();
        let key = TenantKey {
            tenant: hufu_core::name::TenantId::parse("dev").unwrap(),
            wrapping_key: hufu_core::record::WrappingKeyId([1; 16]),
            rotation: Some(RotationProgress { done: 3, total: 7, left: 1, ..RotationProgress::default() }),
        };
        metrics.state.observe_rotations(&[key]);
        let text = metrics.encode().unwrap();
        for line in ["hufu_rewrap_keys_done{tenant=\"dev\"} 3", "hufu_rewrap_keys{tenant=\"dev\"} 7"] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.contains("hufu_rewrap_left{tenant=\"dev\"} 1"), "{text}");
        metrics.state.observe_rotations(&[]);
        assert!(!metrics.encode().unwrap().contains("tenant=\"dev\""));
    }
}
