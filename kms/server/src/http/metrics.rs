//! `/metrics` for Prometheus and `/healthz` for whoever restarts us.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use hufu_engine::Engine;

use crate::metrics::Metrics;

/// The OpenMetrics text format 1.0.0.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

#[derive(Clone)]
struct Observed {
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
}

/// `/metrics` and `/healthz`.
pub fn metrics_routes(engine: Arc<Engine>, metrics: Arc<Metrics>) -> Router {
    let observed = Observed { engine, metrics };
    Router::new().route("/metrics", get(metrics_text)).route("/healthz", get(healthz)).with_state(observed)
}

async fn metrics_text(State(observed): State<Observed>) -> Response {
    match observed.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn healthz(State(observed): State<Observed>) -> (StatusCode, &'static str) {
    if observed.engine.is_serving() {
        (StatusCode::OK, "serving\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not serving\n")
    }
}
