//! One holder as the service knows it: the way there, how it was of late, how much it is asked at once.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hufu_core::backend::{DeviceStatus, Health};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::link::{HolderInfo, HolderLink, LinkError};

/// Most calls to one holder at once: as many signatures of one key as a holder has open.
const CALLS_MAX: u32 = 32;

/// Words for who has just been asked too much.
const BUSY: &str = "too many calls are under way";

pub(crate) struct Seat {
    pub(crate) link: Arc<dyn HolderLink>,
    calls: Semaphore,
    in_flight: AtomicU32,
    lost: AtomicU64,
    known: Mutex<Known>,
}

/// What was last heard of it.
struct Known {
    info: Option<HolderInfo>,
    down: Option<String>,
}

impl Seat {
    pub(crate) fn new(link: Arc<dyn HolderLink>) -> Self {
        let known = Known { info: None, down: Some("not reached yet".to_owned()) };
        Self {
            link,
            calls: Semaphore::new(CALLS_MAX as usize),
            in_flight: AtomicU32::new(0),
            lost: AtomicU64::new(0),
            known: Mutex::new(known),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.link.name()
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.known.lock().down.is_none()
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.known.lock().info.as_ref().is_some_and(|info| info.simulated)
    }

    /// Remembers who it is.
    pub(crate) fn learn(&self, info: HolderInfo) {
        self.known.lock().info = Some(info);
    }

    /// Makes a call that takes no longer than `timeout`, nor past the deadline. The call is given until when it has.
    pub(crate) async fn call<T, F>(
        &self,
        timeout: Duration,
        deadline: Instant,
        call: impl FnOnce(Instant) -> F,
    ) -> Result<T, LinkError>
    where
        F: Future<Output = Result<T, LinkError>>,
    {
        let until = deadline.min(Instant::now() + timeout);
        let Ok(Ok(_permit)) = tokio::time::timeout_at(until.into(), self.calls.acquire()).await else {
            return Err(LinkError::Unreachable(BUSY.to_owned()));
        };
        let _call = Call::begin(&self.in_flight);
        let answer = match tokio::time::timeout_at(until.into(), call(until)).await {
            Ok(answer) => answer,
            Err(_) => Err(LinkError::Unreachable("it took too long".to_owned())),
        };
        self.note(answer.as_ref().err());
        answer
    }

    /// Remembers whether it answers. A refusal is an answer.
    fn note(&self, error: Option<&LinkError>) {
        let mut known = self.known.lock();
        match error {
            Some(LinkError::Unreachable(why)) => {
                if known.down.is_none() {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(holder = self.link.name(), why, "a holder does not answer");
                }
                known.down = Some(why.clone());
            }
            _ => known.down = None,
        }
    }

    pub(crate) fn status(&self) -> DeviceStatus {
        let known = self.known.lock();
        let release = known.info.as_ref().map(|info| format!("holder {}", info.version));
        DeviceStatus {
            serial: self.link.name().to_owned(),
            model: release.unwrap_or_default(),
            label: self.link.address().to_owned(),
            health: known.down.clone().map_or(Health::Serving, Health::Down),
            breaker_open: false,
            generation: self.lost.load(Ordering::Relaxed),
            sessions: CALLS_MAX,
            in_flight: self.in_flight(),
            simulated: known.info.as_ref().is_some_and(|info| info.simulated),
            missing: 0,
            profile: String::new(),
        }
    }
}

/// A call under way.
struct Call<'a>(&'a AtomicU32);

impl<'a> Call<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
