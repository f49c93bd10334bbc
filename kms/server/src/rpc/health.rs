//! gRPC health (grpc.health.v1) follows the engine.

use std::sync::Arc;
use std::time::Duration;

use hufu_engine::Engine;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::metrics::Metrics;

/// How often the engine is asked.
const INTERVAL: Duration = Duration::from_millis(500);

/// How often its whole state is read for metrics.
const STATE_INTERVAL: Duration = Duration::from_secs(5);

/// The whole server, then each service by name.
const SERVICES: [&str; 10] = [
    "",
    "hufu.v1.KeyService",
    "hufu.v1.CryptoService",
    "hufu.v1.LedgerService",
    "hufu.v1.AuditService",
    "hufu.v1.SystemService",
    "hufu.v1.UnsealService",
    "hufu.v1.CeremonyService",
    "hufu.v1.ShareService",
    "hufu.v1.DepositService",
];
/// The same at a holder of shares.
const SERVICES_OF_HOLDER: [&str; 3] = ["", "hufu.v1.HolderService", "hufu.v1.AuditService"];

/// Tells health and metrics whether the engine serves, for ever; drop it when draining begins.
pub(crate) async fn watch_health(engine: Arc<Engine>, reporter: HealthReporter, metrics: Arc<Metrics>) {
    let mut told = None;
    loop {
        let serving = engine.is_serving();
        if told != Some(serving) {
            report(&reporter, engine.is_holder(), serving).await;
            metrics.set_serving(serving);
            tracing::info!(serving, "health");
            told = Some(serving);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Tells metrics how the service is, for ever. What cannot be read keeps its last value.
pub(crate) async fn watch_state(engine: Arc<Engine>, metrics: Arc<Metrics>) {
    loop {
        match engine.status_now().await {
            Ok(status) => metrics.observe(&status),
            Err(error) => tracing::debug!(?error, "the state is not known"),
        }
        tokio::time::sleep(STATE_INTERVAL).await;
    }
}

async fn report(reporter: &HealthReporter, is_holder: bool, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    let services: &[&str] = if is_holder { &SERVICES_OF_HOLDER } else { &SERVICES };
    for service in services {
        reporter.set_service_status(*service, status).await;
    }
}

/// Tells load balancers to go elsewhere.
pub(crate) async fn report_draining(reporter: &HealthReporter, is_holder: bool) {
    report(reporter, is_holder, false).await;
}
