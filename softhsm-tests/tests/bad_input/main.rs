//! Bad input for every RPC: each row gets its documented reason and changes nothing.
//!
//! Rows that follow from the form of a request are derived from the descriptors, so that a new field is tested without
//! anybody thinking of it; a new RPC fails the test until it has a valid request to start from.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod base;
mod derived;
mod names;
mod scene;
mod special;

use base::{Base, base};
use derived::Method;
use scene::Scene;

/// A request that must be refused.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) body: Vec<u8>,
    pub(crate) reason: &'static str,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, body: Vec<u8>, reason: &'static str) -> Self {
        Self { what: what.into(), body, reason }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_refuses_bad_input_with_its_documented_reason_and_changes_nothing() {
    let scene = Scene::new().await;
    let methods = derived::methods();
    assert_eq!(methods.len(), 47, "a new RPC needs a valid request in `base.rs` and rows in `special.rs`");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for method in &methods {
        let base = base(&method.name);
        let before = scene.snapshot().await;
        for row in rows_of(&scene, method, &base) {
            rows += 1;
            wrong.extend(scene.check(method, &row).await);
        }
        let after = scene.snapshot().await;
        if before != after {
            wrong.push(format!("{}: something changed:\n{}", method.name, before.difference(&after)));
        }
    }
    println!("{rows} rows over {} methods", methods.len());
    println!("skipped: {:?}", derived::ELSEWHERE);
    assert!(wrong.is_empty(), "{} of {rows} rows:\n{}", wrong.len(), wrong.join("\n"));

    // The requests that the rows spoil are good ones, and a repeated id means the same request or none.
    for method in &methods {
        scene.control(method, &base(&method.name)).await;
    }
    // Material that is brought under a new wrapping key gets new etags.
    while scene.client.tenant_key().await.unwrap().rotation.is_some_and(|rotation| !rotation.clean) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let before = scene.snapshot().await;
    // What is rejected is not remembered: to say it again is another attempt. A signature has an id only where one is given. The rotation
    // of the tenant's wrapping key has nothing else to say.
    let repeatable = |method: &&Method| {
        let others = ["ImportKey", "UnwrapKey", "Sign", "RotateTenantKey"];
        method.field("request_id").is_some() && !others.contains(&method.name.as_str())
    };
    for method in methods.iter().filter(repeatable) {
        let base = base(&method.name);
        scene.control(method, &base).await;
        let row = Row::new("the same id for another request", base.differently(), "REQUEST_ID_REUSED");
        wrong.extend(scene.check(method, &row).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(before, scene.snapshot().await, "repetitions change nothing");
}

fn rows_of(scene: &Scene, method: &Method, base: &Base) -> Vec<Row> {
    let mut rows = derived::rows(method, base);
    rows.extend(names::rows(base));
    rows.extend(special::rows(scene, &method.name));
    rows
}
