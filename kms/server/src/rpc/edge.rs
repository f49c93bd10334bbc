//! What all services share, and what every call goes through.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::{Error, Reason};
use hufu_engine::Engine;
use hufu_engine::api::Caller;
use tokio::sync::Semaphore;
use tonic::{Code, Request, Response, Status};

use super::budget::Budget;
use super::call::Call;
use super::deadline::{deadline, within};
use super::shares::TenantShare;
use super::{Method, Shares};
use crate::error;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::net::Peer;
use crate::wire::request_id::{ChangeRequest, idempotency};
use crate::wire::status::Installation;

/// The gRPC services of `hufu.v1` over one engine.
pub struct Edge {
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    shares: Shares,
    pub(super) budget: Arc<Budget>,
    changes: Arc<Semaphore>,
    limits: Limits,
    pub(super) installation: Installation,
}

impl Edge {
    /// Services over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>, metrics: Arc<Metrics>, limits: Limits, installation: Installation) -> Self {
        let shares = Shares::new(&limits);
        let budget = Arc::new(Budget::new(limits.bodies_len));
        let changes = Arc::new(Semaphore::new(limits.changes));
        Self { engine, metrics, shares, budget, changes, limits, installation }
    }

    /// Whether whoever sends this request may send a message at all. Decided before any of it is read; whether they may do
    /// what it asks is decided after.
    pub(super) fn may_send(&self, extensions: &http::Extensions) -> bool {
        let known = extensions.get::<Peer>().is_some_and(|peer| self.engine.is_registered(&peer.pin));
        if !known {
            self.metrics.unauthenticated.inc();
        }
        known
    }

    /// Waits until every state change under way has come to its end.
    pub async fn changes_done(&self) {
        let all = u32::try_from(self.limits.changes).unwrap_or(u32::MAX);
        // It fails only when the semaphore is closed, which nobody does.
        drop(self.changes.acquire_many(all).await);
    }

    /// Serves a call that changes no state: dropped with its connection, cut off at its deadline.
    pub(super) async fn serve<Q, R, F>(
        &self,
        method: Method,
        request: Request<Q>,
        handle: impl FnOnce(Call, Q) -> F,
    ) -> Result<Response<R>, Status>
    where
        F: Future<Output = Result<R, Error>>,
    {
        let started = Instant::now();
        let outcome = async {
            let (call, share) = self.begin(started, &request).await?;
            // What the request holds of the budget for long ones goes back when the extensions are dropped.
            let (_, _extensions, message) = request.into_parts();
            within(call.caller.deadline, async {
                let _turn = share.turn(method).await?;
                handle(call, message).await
            })
            .await
        };
        let outcome = outcome.await;
        self.finish(method, started, outcome)
    }

    /// Serves a call that changes state: it runs to its end even when the client is gone.
    pub(super) async fn change<Q, R, F>(
        &self,
        method: Method,
        request: Request<Q>,
        handle: impl FnOnce(Call, Q) -> F,
    ) -> Result<Response<R>, Status>
    where
        Q: ChangeRequest,
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send + 'static,
    {
        let started = Instant::now();
        let outcome = async {
            let (mut call, share) = self.begin(started, &request).await?;
            let (_, extensions, mut message) = request.into_parts();
            call.caller.idempotency = Some(idempotency(&mut message, method.name())?);
            let deadline = call.caller.deadline;
            within(deadline, async {
                let turn = share.turn(method).await?;
                let change = handle(call, message);
                // The turn, and what the request holds of the budget, go back when the change ends: a client that hangs up
                // makes no room for its next one.
                self.to_the_end(async move {
                    let outcome = change.await;
                    drop((turn, extensions));
                    outcome
                })
                .await
            })
            .await
        };
        let outcome = outcome.await;
        self.finish(method, started, outcome)
    }

    /// Serves a call that changes state and needs no request id, since doing it again changes nothing more: it runs to its end
    /// even when the client is gone.
    pub(super) async fn carry_out<Q, R, F>(
        &self,
        method: Method,
        request: Request<Q>,
        handle: impl FnOnce(Call, Q) -> F,
    ) -> Result<Response<R>, Status>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send + 'static,
    {
        let started = Instant::now();
        let outcome = async {
            let (call, share) = self.begin(started, &request).await?;
            let (_, extensions, message) = request.into_parts();
            within(call.caller.deadline, async {
                let turn = share.turn(method).await?;
                let work = handle(call, message);
                self.to_the_end(async move {
                    let outcome = work.await;
                    drop((turn, extensions));
                    outcome
                })
                .await
            })
            .await
        };
        let outcome = outcome.await;
        self.finish(method, started, outcome)
    }

    /// Whether this is a holder of shares: it serves other services.
    pub(crate) fn is_holder(&self) -> bool {
        self.engine.is_holder()
    }

    async fn to_the_end<R, F>(&self, change: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send + 'static,
    {
        let slot = self.changes.clone().try_acquire_owned();
        let slot = slot.map_err(|_| Error::new(Reason::Overloaded, "too many changes are under way"))?;
        let task = tokio::spawn(async move {
            let outcome = change.await;
            drop(slot);
            outcome
        });
        task.await.unwrap_or_else(|failure| Err(Error::internal(failure)))
    }

    async fn begin<Q>(&self, now: Instant, request: &Request<Q>) -> Result<(Call, Arc<TenantShare>), Error> {
        let peer = request.extensions().get::<Peer>();
        let peer = peer.ok_or_else(|| Error::new(Reason::Unauthenticated, "there is no client certificate"))?;
        let principal = self.engine.authenticate(&peer.pin).await.inspect_err(|error| {
            if error.reason() == Reason::Unauthenticated {
                self.metrics.unauthenticated.inc();
                tracing::debug!(peer = %peer.address, "unauthenticated call");
            }
        })?;
        let share = self.shares.admit(&principal, now).inspect_err(|_| {
            self.metrics.rate_limited.inc();
        })?;
        let deadline = deadline(request.metadata(), now, self.limits.call_timeout);
        let caller = Caller { principal, deadline, idempotency: None };
        Ok((Call { engine: self.engine.clone(), caller }, share))
    }

    fn finish<R>(&self, method: Method, started: Instant, outcome: Result<R, Error>) -> Result<Response<R>, Status> {
        let answer = outcome.map(Response::new).map_err(|error| error::status(&error));
        let code = answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
        let took = started.elapsed();
        self.metrics.answered(method, code, took);
        tracing::debug!(rpc = method.name(), code = ?code, took_ms = took.as_secs_f64() * 1e3, "answered");
        answer
    }
}
