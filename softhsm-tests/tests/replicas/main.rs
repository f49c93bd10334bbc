//! Two servers on one PostgreSQL and one token: what one is told, the other obeys; each goes on without the other; none
//! uses keys without the database.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod ceremonies;
mod loss;
mod revocation;
mod rotation;
mod sharing;
mod signers;

use hufu_sdk::{KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Deployment, Replica, scratch_postgres};
use tokio::runtime::Runtime;

/// A deployment with two servers, or nothing where there is no PostgreSQL.
struct Pair {
    runtime: Runtime,
    a: Replica,
    b: Replica,
    // After the servers: it is removed when they have ended.
    deployment: Deployment,
}

fn pair(test: &str) -> Option<Pair> {
    let deployment = Deployment::new(scratch_postgres(test)?);
    let (a, b) = (deployment.start("a"), deployment.start("b"));
    Some(Pair { runtime: Runtime::new().unwrap(), a, b, deployment })
}

fn name(key: &str) -> KeyRef {
    key.parse().unwrap()
}

fn hsm_key(key: &str) -> NewKey {
    NewKey::new(key, v1::Algorithm::P256, v1::Protection::Hsm)
}
