//! Checkpoint and tiles (C2SP tlog-tiles), for anyone to read.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use hufu_core::Error;
use hufu_engine::Engine;
use tokio::sync::Semaphore;

/// Requests answered at once; the others are told to come again.
const AT_ONCE_MAX: usize = 64;

/// Longest time for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest path of a tile: level, index of 64 bits in groups of three digits, partial width.
const PATH_LEN_MAX: usize = 96;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// The newest checkpoint changes; a tile never does, neither a full one nor a partial one.
const CHANGES: HeaderValue = HeaderValue::from_static("no-cache");
const NEVER_CHANGES: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

#[derive(Clone)]
struct Ledger {
    engine: Arc<Engine>,
    slots: Arc<Semaphore>,
}

/// `/checkpoint` and `/tile/…`.
pub fn ledger_routes(engine: Arc<Engine>) -> Router {
    let ledger = Ledger { engine, slots: Arc::new(Semaphore::new(AT_ONCE_MAX)) };
    Router::new().route("/checkpoint", get(checkpoint)).route("/tile/{*path}", get(tile)).with_state(ledger)
}

async fn checkpoint(State(ledger): State<Ledger>) -> Response {
    let found = ledger.bounded(ledger.engine.public_checkpoint()).await;
    found.map_or_else(IntoResponse::into_response, |note| answer(note, TEXT, CHANGES))
}

async fn tile(State(ledger): State<Ledger>, Path(path): Path<String>) -> Response {
    if path.len() > PATH_LEN_MAX {
        return StatusCode::NOT_FOUND.into_response();
    }
    let path = format!("tile/{path}");
    let found = ledger.bounded(ledger.engine.public_tile(&path)).await;
    found.map_or_else(IntoResponse::into_response, |bytes| answer(bytes, BINARY, NEVER_CHANGES))
}

fn answer(body: impl IntoResponse, kind: HeaderValue, caching: HeaderValue) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)], body).into_response()
}

impl Ledger {
    /// Waits for what the engine finds; nothing found, an error and overload become their HTTP status.
    async fn bounded<T>(&self, lookup: impl Future<Output = Result<Option<T>, Error>>) -> Result<T, StatusCode> {
        let _slot = self.slots.try_acquire().map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, lookup).await {
            Ok(Ok(Some(found))) => Ok(found),
            Ok(Ok(None)) => Err(StatusCode::NOT_FOUND),
            Ok(Err(error)) => Err(refusal(&error)),
            Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

fn refusal(error: &Error) -> StatusCode {
    match crate::error::rendering(error.reason()).code {
        tonic::Code::InvalidArgument | tonic::Code::NotFound => StatusCode::NOT_FOUND,
        _ => {
            tracing::warn!(?error, "ledger request failed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
