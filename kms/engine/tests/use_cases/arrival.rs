//! A key that comes in while what it rests on changes is not made.

use futures_util::future::join;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::name::{JobId, VersionName};
use hufu_core::record::{Exit, ImportJob, Origin, Protection};
use hufu_core::{Error, Reason};
use hufu_engine::api::{Change, CreateImportJob, CreateKey, ImportKey, KeyDetail, UnwrapKey, VersionChange};

use crate::common::hazards::CallFault;
use crate::common::world::{ALICE, World};
use crate::requests::{COMPROMISE, REVOKE, create, key, primary, reason, version};

/// A world in which the key `k` was wrapped by `w`, and the request that unwraps it as `new`.
fn wrapped() -> (World, UnwrapKey) {
    let mut world = World::new();
    let software = |id, algorithm| CreateKey { protection: Protection::Software, ..create(ALICE, id, algorithm) };
    let leaving = CreateKey { exit: Exit::Exportable, ..software("k", Algorithm::HmacSha256) };
    for request in [leaving, software("w", Algorithm::Aes256Kwp)] {
        world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    }
    let (k, w) = (primary("k"), primary("w"));
    let wrapped = world.call(ALICE, async |server, caller| server.engine.wrap_key(&caller, &k, &w).await).unwrap();
    let request = UnwrapKey {
        by: w,
        blob: wrapped.blob,
        key: key(ALICE, "new"),
        labels: Default::default(),
        description: String::new(),
        activate: true,
    };
    (world, request)
}

fn change(name: VersionName, change: Change) -> VersionChange {
    VersionChange { name, etag: None, change }
}

impl World {
    fn unwrap(&mut self, request: &UnwrapKey) -> Result<KeyDetail, Error> {
        let request = request.clone();
        self.call(ALICE, async |server, caller| server.engine.unwrap_key(&caller, request).await)
    }

    /// Nothing of the key is there but, after an import, its job.
    fn has_nothing_of(&mut self, id: &str) {
        let name = version(id, 1);
        assert_eq!(reason(self.version(&name)), Reason::KeyNotFound);
        let rows = self.site.store.snapshot().rows;
        for collection in [Collection::Key, Collection::Version] {
            let found =
                rows.get(&collection).into_iter().flatten().any(|(id, _)| id.starts_with(&name.key.to_string()));
            assert!(!found, "{collection:?}");
        }
        assert_eq!(self.rows(Collection::Intent), 0);
    }
}

/// The backend is slow: the change is committed long before the key is.
#[test]
fn no_key_is_unwrapped_when_what_it_rests_on_was_revoked_meanwhile() {
    for changed in ["k", "w"] {
        for what in [REVOKE, COMPROMISE, Change::Suspend] {
            let (mut world, request) = wrapped();
            world.site.hazards.strike(CallFault::Slow);
            let (made, revoked) = world.call(ALICE, async |server, caller| {
                let change = server.engine.change_version(&caller, change(version(changed, 1), what));
                join(server.engine.unwrap_key(&caller, request.clone()), change).await
            });
            revoked.unwrap();
            assert_eq!(reason(made), Reason::RevokedMeanwhile, "{changed} {what:?}");
            world.has_nothing_of("new");
            // Whoever repeats it is told of the state as it is now.
            let again = world.unwrap(&request);
            assert!(again.is_err_and(|error| error.reason() == Reason::WrongState), "{changed} {what:?}");
        }
    }
}

/// The change is committed in the same group, ahead of the key.
#[test]
fn no_key_is_unwrapped_in_the_group_that_revokes() {
    for changed in ["k", "w"] {
        let (mut world, request) = wrapped();
        let (revoked, made) = world.call(ALICE, async |server, caller| {
            let change = server.engine.change_version(&caller, change(version(changed, 1), COMPROMISE));
            join(change, server.engine.unwrap_key(&caller, request)).await
        });
        revoked.unwrap();
        assert_eq!(reason(made), Reason::RevokedMeanwhile, "{changed}");
        world.has_nothing_of("new");
    }
}

#[test]
fn a_slow_unwrapping_alone_is_none_the_worse() {
    let (mut world, request) = wrapped();
    world.site.hazards.strike(CallFault::Slow);
    assert_eq!(world.unwrap(&request).unwrap().latest.record.origin, Origin::Unwrapped);
    let same = [primary("k"), primary("new")].map(|selector| {
        world.call(ALICE, async |server, caller| server.engine.mac(&caller, &selector, b"m").await).unwrap().signature
    });
    assert_eq!(same[0], same[1]);
}

#[test]
fn a_caller_who_is_shut_out_meanwhile_unwraps_nothing() {
    let (mut world, request) = wrapped();
    world.site.hazards.strike(CallFault::Slow);
    let (made, shut_out) = world.call(ALICE, async |server, caller| {
        join(server.engine.unwrap_key(&caller, request), ALICE.register(server, false)).await
    });
    shut_out.unwrap();
    assert_eq!(reason(made), Reason::Unauthenticated);
    world.run(async |server| ALICE.register(server, true).await).unwrap();
    world.has_nothing_of("new");
}

#[test]
fn a_caller_who_is_shut_out_meanwhile_imports_nothing() {
    for protection in [Protection::Hsm, Protection::Software] {
        let mut world = World::new();
        let job = job(&mut world, protection);
        let objects = world.site.token.uids();
        let request = ImportKey { job: job.name(), wrapped: [job.import_key.as_slice(), &[7; 32]].concat() };
        world.site.hazards.strike(CallFault::Slow);
        let (made, shut_out) = world.call(ALICE, async |server, caller| {
            join(server.engine.import_key(&caller, request.clone()), ALICE.register(server, false)).await
        });
        shut_out.unwrap();
        assert_eq!(reason(made), Reason::Unauthenticated, "{protection}");
        world.run(async |server| ALICE.register(server, true).await).unwrap();
        world.has_nothing_of("new");
        assert_eq!(world.site.token.uids(), objects, "what came in is gone from the token");
        // It cost one attempt, and no more than that.
        world.call(ALICE, async |server, caller| server.engine.import_key(&caller, request).await).unwrap();
    }
}

fn job(world: &mut World, protection: Protection) -> std::sync::Arc<ImportJob> {
    let request = CreateImportJob {
        job: JobId::parse("j").unwrap(),
        key: CreateKey { protection, ..create(ALICE, "new", Algorithm::HmacSha256) },
        public_key: None,
        import_algorithm: None,
        lifetime_ms: None,
    };
    let made = world.call(ALICE, async |server, caller| server.engine.create_import_job(&caller, request).await);
    made.unwrap().record
}
