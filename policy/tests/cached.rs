//! The cache of decisions: when it answers, when it asks again, and what a hit costs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{principal, tenant};
use hufu_core::changes::Changes;
use hufu_core::changeset::Subject;
use hufu_core::name::{KeyId, KeyName};
use hufu_core::policy::{Action, AuthorizationRequest, Decision, PolicyEngine, PolicyError, Principal};
use hufu_core::record::Role;
use hufu_policy::{CachedPolicies, DECISIONS_MAX, RolePolicies};

/// Counts how often the engine behind the cache is asked.
#[derive(Default)]
struct Counting {
    asked: AtomicU64,
    revision: AtomicU64,
}

#[derive(Clone, Default)]
struct Shared(Arc<Counting>);

impl PolicyEngine for Shared {
    fn is_authorized(&self, request: &AuthorizationRequest<'_>) -> Decision {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        RolePolicies::new().is_authorized(request)
    }

    fn validate(&self) -> Result<(), PolicyError> {
        Ok(())
    }

    fn revision(&self) -> u64 {
        self.0.revision.load(Ordering::Relaxed)
    }
}

struct Scene {
    engine: Shared,
    changes: Arc<Changes>,
    policies: CachedPolicies<Shared>,
    caller: Principal,
}

impl Scene {
    fn new() -> Self {
        let (engine, changes) = (Shared::default(), Arc::new(Changes::new(1)));
        let policies = CachedPolicies::new(engine.clone(), changes.clone());
        Self { engine, changes, policies, caller: principal(Role::Application, &tenant("own"), true) }
    }

    fn sign(&self, key: &KeyName) -> bool {
        let request = AuthorizationRequest {
            principal: &self.caller,
            action: Action::Sign,
            tenant: &key.tenant,
            key: Some(key),
        };
        self.policies.is_authorized(&request).allowed
    }

    fn asked(&self) -> u64 {
        self.engine.0.asked.swap(0, Ordering::Relaxed)
    }
}

fn key(name: &str) -> KeyName {
    KeyName { tenant: tenant("own"), key: KeyId::parse(name).unwrap() }
}

#[test]
fn a_repeated_question_is_answered_from_memory() {
    let scene = Scene::new();
    assert!(scene.sign(&key("a")) && scene.sign(&key("a")));
    assert_eq!(scene.asked(), 1);
    assert!(scene.sign(&key("b")));
    assert_eq!(scene.asked(), 1, "another key is another question");
}

#[test]
fn a_change_of_key_or_principal_or_policy_asks_again() {
    let scene = Scene::new();
    scene.sign(&key("a"));
    scene.changes.learn(2, [&Subject::new("tenants/own/keys/b")]);
    scene.sign(&key("a"));
    assert_eq!(scene.asked(), 1, "the change of another key is no matter");
    scene.changes.learn(3, [&Subject::new("tenants/own/keys/a")]);
    scene.sign(&key("a"));
    scene.sign(&key("a"));
    assert_eq!(scene.asked(), 1);
    scene.engine.0.revision.store(1, Ordering::Relaxed);
    scene.sign(&key("a"));
    assert_eq!(scene.asked(), 1);
    scene.changes.learn(4, [&scene.caller.subject]);
    scene.sign(&key("a"));
    scene.sign(&key("a"));
    assert_eq!(scene.asked(), 2, "what rests on an outdated principal is not remembered");
}

#[test]
fn a_principal_that_is_no_longer_active_is_never_answered_from_memory() {
    let mut scene = Scene::new();
    assert!(scene.sign(&key("a")));
    scene.caller = principal(Role::Application, &tenant("own"), false);
    assert!(!scene.sign(&key("a")));
}

#[test]
fn memory_is_bounded() {
    let scene = Scene::new();
    for number in 0..DECISIONS_MAX + 5_000 {
        scene.sign(&key(&format!("k{number}")));
    }
    assert!(scene.policies.len() <= DECISIONS_MAX);
}

#[test]
fn a_hit_is_cheap() {
    let scene = Scene::new();
    let name = key("a");
    scene.sign(&name);
    // The slow path of a hit: something has changed, though nothing that matters here.
    scene.changes.learn(2, [&Subject::new("tenants/own/keys/b")]);
    let best = (0..20).map(|_| batch(&scene, &name)).min().unwrap();
    println!("a cached decision: {best:?}");
    let limit = if cfg!(debug_assertions) { Duration::from_micros(20) } else { Duration::from_micros(1) };
    assert!(best < limit, "{best:?}");
}

fn batch(scene: &Scene, name: &KeyName) -> Duration {
    let started = Instant::now();
    for _ in 0..1_000 {
        black_box(scene.sign(black_box(name)));
    }
    started.elapsed() / 1_000
}
