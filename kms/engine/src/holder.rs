//! A holder of shares of threshold keys: what it takes part in is judged by `hufu_frost` and its own policy, and nothing leaves it
//! before its audit record is durable.
//!
//! INVARIANT: a signature share is made only when one changeset is durable that holds its audit record and the row of its session;
//! a share of a key is kept only when all holders have signed the same outcome. Nonces and generations under way are in memory alone.

mod carrier;
mod clock;
mod destroy;
mod finish;
mod generation;
mod generations;
mod judge;
mod kept;
mod open;
mod own;
mod read;
mod refusal;
mod setup;
mod share_key;
mod sign;
mod wrapping;

pub use setup::{HolderIdentity, HolderPolicy, HolderSetup, Offload, RequesterRule};

use hufu_core::Error;
use hufu_core::name::TenantId;
use hufu_core::record::WrappingKeyId;
use hufu_frost::{Holder, KeyVersion};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::engine::Engine;
use clock::Clock;
use generations::Generations;
use kept::AllKept;
use setup::Pinned;

/// What the engine of a holder has.
pub(crate) struct Holding {
    setup: HolderSetup,
    state: Mutex<State>,
    generations: Mutex<Generations>,
    /// Held while a share is kept or destroyed, from the database to the memory: the two never disagree.
    keeping: tokio::sync::Mutex<()>,
    /// The tenant that callers belong to, and the wrapping key.
    tenant: TenantId,
    /// What shares are wrapped under. It changes while `keeping` is held.
    wrapping_key: Mutex<WrappingKeyId>,
}

/// What decides about signatures, and what there is of keys.
struct State {
    holder: Holder<Pinned>,
    clock: Clock,
    /// Every share that there is or was.
    kept: AllKept,
}

impl Engine {
    /// Whether this is a holder of shares.
    #[must_use]
    pub fn is_holder(&self) -> bool {
        self.holding.is_some()
    }

    fn hold(&self) -> Result<&Holding, Error> {
        self.holding.as_ref().ok_or_else(|| Error::internal("this deployment is no holder"))
    }

    /// Does work that blocks or takes long where nobody waits behind it.
    async fn elsewhere<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        // Nobody waits any more when the caller has gone; what was done stays done.
        let job = move || drop(reply.send(work()));
        self.hold()?.setup.offload.run(Box::new(job))?;
        answer.await.map_err(|_| Error::internal("work of the holder ended in a panic"))
    }
}

/// What the audit trail calls all shares.
pub(crate) const SHARES: &str = "shares";

/// What the change feed and the audit trail call a share.
fn resource(key: &KeyVersion) -> String {
    format!("{SHARES}/{key}")
}
