//! The background work of an open service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_engine::Engine;
use hufu_engine::sequencer::Sequencer;
use hufu_journal::Progress;
use hufu_threshold::ThresholdBackend;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::open::STOP_TIMEOUT;
use crate::outside::{AuditHead, Outside};

/// How often the reconciler runs.
const RECONCILE_PERIOD: Duration = Duration::from_secs(1);
/// How often the tokens are compared with the database.
const INVENTORY_PERIOD: Duration = Duration::from_secs(3_600);
/// Between some keys that are levelled and the next ones.
const LEVEL_PERIOD: Duration = Duration::from_millis(250);
/// How often it is looked whether a tenant's wrapping key is being rotated.
const REWRAP_PERIOD: Duration = Duration::from_millis(500);
/// How often the open ceremonies are looked at.
const CEREMONIES_PERIOD: Duration = Duration::from_secs(1);
/// How often the root slots are looked at.
const ROOTS_PERIOD: Duration = Duration::from_secs(10);
/// How often holders are asked who they are.
const PROBE_PERIOD: Duration = Duration::from_secs(5);
/// How often the audit head is written outside the database.
const OUTSIDE_PERIOD: Duration = Duration::from_secs(1);

/// Leaves checked at once.
const SCRUB_LEAVES: u64 = 256;
/// Longest check before serving.
const SCRUB_AT_START_MAX: Duration = Duration::from_millis(500);
/// Pause between checks in the first pass through the ledger.
const FIRST_SCRUB_PERIOD: Duration = Duration::from_millis(250);
/// Pause between checks after it.
const SCRUB_PERIOD: Duration = Duration::from_secs(10);

/// The running tasks.
pub(crate) struct Tasks {
    stop: watch::Sender<bool>,
    handles: Vec<JoinHandle<()>>,
    outside: OutsideHead,
}

pub(crate) fn start(
    engine: Arc<Engine>,
    scrub_from: u64,
    sequencer: Arc<Sequencer>,
    progress: watch::Receiver<Progress>,
    writer: String,
    outside: Outside,
) -> Tasks {
    let (stop, stopped) = watch::channel(false);
    let outside = OutsideHead { outside, progress, writer };
    let handles = vec![
        tokio::spawn(reconcile(engine.clone(), stopped.clone())),
        tokio::spawn(inventory(engine.clone(), stopped.clone())),
        tokio::spawn(level(engine.clone(), stopped.clone())),
        tokio::spawn(keep_roots(engine.clone(), stopped.clone())),
        tokio::spawn(rewrap(engine.clone(), stopped.clone())),
        tokio::spawn(hold_ceremonies(engine.clone(), stopped.clone())),
        tokio::spawn(scrub(engine, scrub_from, stopped.clone())),
        tokio::spawn(outside_heads(outside.clone(), stopped.clone())),
        tokio::spawn(async move { sequencer.run(stopped).await }),
    ];
    Tasks { stop, handles, outside }
}

impl Tasks {
    /// Asks holders now and then who they are, so that the status tells and callers need not wait to find out.
    pub(crate) fn probe(&mut self, holders: Arc<ThresholdBackend>) {
        self.handles.push(tokio::spawn(probe(holders, self.stop.subscribe())));
    }

    /// Ends them all; the sequencer puts the last audit head on the ledger, and it is written outside.
    pub(crate) async fn stop(self) {
        let Self { stop, handles, outside } = self;
        if stop.send(true).is_err() {
            tracing::warn!("the background work had ended before it was told to");
        }
        for handle in handles {
            if timeout(STOP_TIMEOUT, handle).await.is_err() {
                tracing::warn!("a background task did not end in time");
            }
        }
        outside.write().await;
    }
}

async fn probe(holders: Arc<ThresholdBackend>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(PROBE_PERIOD);
    // The start has just asked.
    ticks.reset();
    while tick(&mut ticks, &mut stopped).await {
        for (holder, error) in holders.probe(Instant::now() + PROBE_PERIOD).await {
            tracing::debug!(holder, %error, "a holder takes no part");
        }
    }
}

async fn reconcile(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(RECONCILE_PERIOD);
    while tick(&mut ticks, &mut stopped).await {
        if let Err(error) = engine.reconcile_once().await {
            tracing::warn!(?error, "the reconciler will try again");
        }
    }
}

/// Brings keys to tokens that lack them: some keys at each tick, so that the tokens have time for callers.
async fn level(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(LEVEL_PERIOD);
    while tick(&mut ticks, &mut stopped).await {
        if let Err(error) = engine.level_step().await {
            tracing::warn!(?error, "the tokens were not levelled: tried again");
        }
    }
}

/// Brings material under new wrapping keys: without a pause while there is some, in groups that are small enough to let callers'
/// commits pass.
async fn rewrap(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(REWRAP_PERIOD);
    while tick(&mut ticks, &mut stopped).await {
        while !*stopped.borrow() {
            match engine.rewrap_step().await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(?error, "a tenant's wrapping key is not rotated yet: tried again");
                    break;
                }
            }
        }
    }
}

/// Lets the time of ceremonies pass, and goes on with what they have begun.
async fn hold_ceremonies(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(CEREMONIES_PERIOD);
    while tick(&mut ticks, &mut stopped).await {
        if let Err(error) = engine.hold_ceremonies().await {
            tracing::warn!(?error, "a ceremony did not go on: tried again");
        }
    }
}

async fn inventory(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(INVENTORY_PERIOD);
    while tick(&mut ticks, &mut stopped).await {
        if let Err(error) = engine.take_inventory().await {
            tracing::warn!(?error, "the tokens could not be compared with the database");
        }
    }
}

async fn keep_roots(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(ROOTS_PERIOD);
    // The start has just looked.
    ticks.reset();
    while tick(&mut ticks, &mut stopped).await {
        if let Err(error) = engine.keep_roots().await {
            tracing::warn!(?error, "the root slots are not level; it is tried again");
        }
    }
}

/// Looks for silent damage in the ledger before anything is served, as far as it comes in a bounded time. Answers where to
/// go on.
///
/// # Errors
/// Those of the database. Damage raises an alarm and locks the versions concerned.
pub(crate) async fn scrub_before_serving(engine: &Engine) -> Result<u64, hufu_core::Error> {
    let begin = Instant::now();
    let mut from = 0;
    while begin.elapsed() < SCRUB_AT_START_MAX {
        match engine.scrub_ledger(from, SCRUB_LEAVES).await? {
            Some(next) => from = next,
            None => return Ok(0),
        }
    }
    Ok(from)
}

/// Looks for silent damage in the ledger: once through, then for ever at leisure.
async fn scrub(engine: Arc<Engine>, mut from: u64, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(FIRST_SCRUB_PERIOD);
    while tick(&mut ticks, &mut stopped).await {
        match engine.scrub_ledger(from, SCRUB_LEAVES).await {
            Ok(Some(next)) => from = next,
            Ok(None) => {
                from = 0;
                ticks = self::ticks(SCRUB_PERIOD);
                ticks.reset();
            }
            Err(error) => tracing::warn!(?error, "the ledger could not be checked"),
        }
    }
}

async fn outside_heads(outside: OutsideHead, mut stopped: watch::Receiver<bool>) {
    let mut ticks = ticks(OUTSIDE_PERIOD);
    while tick(&mut ticks, &mut stopped).await {
        outside.write().await;
    }
}

/// Writes the audit head outside the database.
#[derive(Clone)]
struct OutsideHead {
    outside: Outside,
    progress: watch::Receiver<Progress>,
    writer: String,
}

impl OutsideHead {
    async fn write(&self) {
        let Progress { next_seq, head, .. } = self.progress.borrow().clone();
        let head = AuditHead { writer: self.writer.clone(), next_seq, head };
        if let Err(error) = self.outside.store_audit_head(&head).await {
            tracing::error!(%error, "the audit head cannot be written outside the database");
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Waits for the next tick. False when it is time to stop.
async fn tick(ticks: &mut tokio::time::Interval, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = ticks.tick() => true,
        _ = stopped.wait_for(|stop| *stop) => false,
    }
}
