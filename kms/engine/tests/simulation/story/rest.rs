//! The calm after a story: nothing fails any more, everything ends, and the oracle judges what is left.

use std::sync::Arc;
use std::task::Poll;

use super::{Story, poll_once};
use crate::client::MEMBERS;
use crate::common::server::Server;

/// Most polls for something to end when nothing fails.
const POLLS_MAX: u32 = 100_000;
/// Time for abandoned intents to expire and destructions to fall due, in steps.
const REST_STEPS: u32 = 30;
/// Length of a step, in milliseconds.
const REST_STEP_MS: u64 = 5_000;
/// Most looks at rotations that are to end, and the time between them, in milliseconds.
const ROTATION_STEPS_MAX: u32 = 20;
const ROTATION_STEP_MS: u64 = 61_000;
/// Polls in each of them.
const POLLS_A_STEP: u32 = 60;

impl Story {
    /// Lets everything come to rest.
    pub(super) fn rest(&mut self) -> Result<(), String> {
        self.site.hazards.set(false);
        self.site.store.set_available(true);
        self.open = false;
        self.poll_until("a call", |story| {
            // Commits of unknown outcome are settled in growing steps of time.
            story.pass(1);
            story.clients.iter().all(|client| client.pending.is_none()).then_some(())
        })?;
        for _ in 0..REST_STEPS {
            self.pass(REST_STEP_MS);
            for _ in 0..POLLS_A_STEP {
                self.poll_any();
            }
            self.verdict()?;
        }
        let servers = self.poll_until("a start", |story| story.servers())?;
        // Whoever is locked out could not look at proofs.
        for server in servers.into_iter().take(1) {
            self.finish(async move {
                for member in MEMBERS {
                    member.register(&server, true).await.unwrap();
                }
            })?;
        }
        Ok(())
    }

    /// Judges what is left.
    pub(super) fn judge(&mut self) -> Result<(), String> {
        self.end_rotations()?;
        for server in self.servers().unwrap_or_default() {
            let reconciled = server.clone();
            self.finish(async move { drop(reconciled.engine.reconcile_once().await) })?;
            self.finish(async move {
                while server.sequencer.step().await.is_ok_and(|step| step.more || step.sequenced > 0) {}
            })?;
        }
        // A destruction that the servers had begun by themselves may be between the token and the commit.
        (0..POLLS_A_STEP * 10).for_each(|_| self.poll_any());
        self.oracle.compare(&self.site.store.snapshot());
        self.oracle.judge_rest();
        self.verdict()?;
        // Long enough for each to hear from the database.
        (0..POLLS_A_STEP * 10).for_each(|_| self.poll_any());
        for server in self.servers().unwrap_or_default() {
            let oracle = self.oracle.clone();
            self.finish(async move { oracle.judge_proofs(&server).await })?;
        }
        self.verdict()
    }

    /// Every rotation of a wrapping key comes to its end.
    fn end_rotations(&mut self) -> Result<(), String> {
        for _ in 0..ROTATION_STEPS_MAX {
            for server in self.servers().unwrap_or_default() {
                self.finish(async move { while server.engine.rewrap_step().await.is_ok_and(|more| more) {} })?;
            }
            if !self.oracle.is_rotating() {
                return Ok(());
            }
            self.pass(ROTATION_STEP_MS);
            (0..POLLS_A_STEP * 10).for_each(|_| self.poll_any());
        }
        Err("a rotation of a wrapping key never ends".to_owned())
    }

    fn servers(&self) -> Option<Vec<Arc<Server>>> {
        self.slots.iter().map(|slot| slot.server.clone()).collect()
    }

    /// Goes on until something is there.
    pub(super) fn poll_until<T>(
        &mut self,
        what: &str,
        mut there: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, String> {
        for _ in 0..POLLS_MAX {
            self.poll_any();
            self.verdict()?;
            if let Some(found) = there(self) {
                return Ok(found);
            }
        }
        Err(format!("{what} never ends"))
    }

    /// Goes on until some work has ended.
    pub(super) fn finish(&mut self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
        let mut work: super::Task = Box::pin(work);
        self.poll_until("a use case", |story| {
            let _guard = story.runtime.enter();
            match poll_once(&mut work) {
                Poll::Ready(()) => Some(()),
                Poll::Pending => None,
            }
        })
    }
}
