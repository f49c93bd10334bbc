//! The rotation of a tenant's wrapping key: everything follows, with an end at every commit, beside traffic, in a database that was
//! changed.

use futures_util::future::join;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::{Collection, Row};
use hufu_core::name::{JobId, VersionName};
use hufu_core::record::{
    Exit, ImportJob, KeyState, Locator, Protection, Record as _, Tenant, VersionRecord, WrappingKeyId,
    WrappingKeyRecord, WrappingKeyUse,
};
use hufu_core::{Error, Reason};
use hufu_engine::api::{
    AuditFilter, Change, CreateImportJob, CreateKey, IMPORT_JOBS_OPEN_MAX, Idempotency, ImportKey, KeyDetail,
    PageRequest, RotationProgress, TenantKey,
};
use hufu_storage::MemoryState;

use crate::common::server::Server;
use crate::common::world::{ALICE, BOB, Member, World};
use crate::requests::{COMPROMISE, REVOKE, create, numbered, primary, reason, version};

const NOT_REWRAPPED: &str = "not-rewrapped";
const QUARANTINE: &str = "quarantine";
/// Longer than a server waits before it destroys the old keys, or tries again what was left.
const LONG_MS: u64 = 61_000;

/// A world with keys of every kind, an import job that waits, and keys of another tenant.
fn world() -> World {
    let mut world = World::new();
    for (id, algorithm) in
        [("sign", Algorithm::Ed25519), ("seal", Algorithm::Aes256Gcm), ("mac", Algorithm::HmacSha256)]
    {
        for member in [ALICE, BOB] {
            software(&mut world, member, id, algorithm).unwrap();
        }
        world.rotate(id, None).unwrap();
    }
    world.signing_key("hard");
    wait_for(&mut world, "j", "in");
    world
}

/// An import job that waits for a key.
fn wait_for(world: &mut World, id: &str, key: &str) {
    let request = job(id, key);
    world.call(ALICE, async |server, caller| server.engine.create_import_job(&caller, request).await).unwrap();
}

fn job(id: &str, key: &str) -> CreateImportJob {
    CreateImportJob {
        job: JobId::parse(id).unwrap(),
        key: CreateKey { protection: Protection::Software, ..create(ALICE, key, Algorithm::HmacSha256) },
        public_key: None,
        import_algorithm: None,
        lifetime_ms: None,
    }
}

/// Brings a key in through a job.
fn bring(world: &mut World, job: &str) -> KeyDetail {
    let rows = world.site.store.snapshot().rows;
    let row = rows[&Collection::ImportJob].values().find(|row| row.id.ends_with(&format!("/{job}"))).cloned();
    let job = ImportJob::from_row(&row.unwrap()).unwrap();
    let request = ImportKey { job: job.name(), wrapped: [job.import_key.as_slice(), &[7; 32]].concat() };
    world.call(ALICE, async |server, caller| server.engine.import_key(&caller, request).await).unwrap()
}

fn software(world: &mut World, member: Member, id: &str, algorithm: Algorithm) -> Result<(), Error> {
    let request = CreateKey { protection: Protection::Software, ..create(member, id, algorithm) };
    world.call(member, async |server, caller| server.engine.create_key(&caller, request).await).map(drop)
}

fn rotate(world: &mut World) -> Result<TenantKey, Error> {
    world.call(ALICE, async |server, caller| server.engine.rotate_tenant_key(&caller, &ALICE.tenant()).await)
}

fn progress(world: &mut World) -> Option<RotationProgress> {
    let read = world.call(ALICE, async |server, caller| server.engine.tenant_key(&caller, &ALICE.tenant()).await);
    read.unwrap().rotation
}

/// One pass after another, until nothing is to do now.
async fn work(server: &Server) -> Result<(), Error> {
    while server.engine.rewrap_step().await? {}
    Ok(())
}

/// All the work, and the time that it waits for.
fn settle(world: &mut World) {
    world.run(work).unwrap();
    world.site.time.advance(LONG_MS);
    world.run(work).unwrap();
}

fn tenant(world: &World, member: Member) -> Tenant {
    Tenant::from_row(&world.site.store.snapshot().rows[&Collection::Tenant][member.tenant]).unwrap()
}

fn material_keys(world: &World, member: Member) -> Vec<WrappingKeyId> {
    let rows = world.site.store.snapshot().rows[&Collection::WrappingKey].clone();
    let records = rows.values().map(|row| WrappingKeyRecord::from_row(row).unwrap());
    let records =
        records.filter(|record| record.usage == WrappingKeyUse::KeyMaterial && record.tenant == member.tenant);
    records.map(|record| record.id).collect()
}

/// The wrapping keys that material of a tenant is under, one for each piece.
fn under(world: &World, member: Member) -> Vec<WrappingKeyId> {
    let rows = world.site.store.snapshot().rows;
    let versions = rows[&Collection::Version].values().map(|row| VersionRecord::from_row(row).unwrap());
    let versions = versions.filter(|record| record.tenant == member.tenant()).map(|record| record.locator);
    let jobs = rows[&Collection::ImportJob].values().map(|row| ImportJob::from_row(row).unwrap());
    let jobs = jobs.filter(|job| job.tenant == member.tenant()).map(|job| job.locator);
    let wrapped = |locator| match locator {
        Locator::Wrapped { wrapping_key, .. } => Some(wrapping_key),
        _ => None,
    };
    versions.chain(jobs).filter_map(wrapped).collect()
}

fn assert_all_work(world: &mut World) {
    for selector in [primary("sign"), primary("hard")] {
        world.sign(&selector).unwrap();
    }
    world.encrypt("seal").unwrap();
    for selector in [primary("mac"), numbered("mac", 1)] {
        let tag = world.call(ALICE, async |server, caller| server.engine.mac(&caller, &primary("mac"), b"m").await);
        let tag = tag.unwrap().signature;
        let checked =
            world.call(ALICE, async |server, caller| server.engine.verify_mac(&caller, &selector, b"m", &tag).await);
        checked.unwrap();
    }
}

fn row<'a>(state: &'a mut MemoryState, collection: Collection, id: &str) -> &'a mut Row {
    state.rows.get_mut(&collection).unwrap().get_mut(id).unwrap()
}

#[test]
fn a_rotation_brings_everything_under_the_new_key_and_destroys_the_old_one() {
    let mut world = world();
    let (old, others) = (tenant(&world, ALICE).material_key, under(&world, BOB));
    let sealed = world.encrypt("seal").unwrap();
    let told = rotate(&mut world).unwrap();
    let new = tenant(&world, ALICE).material_key;
    assert!(told.wrapping_key == new && new != old);
    let begun = told.rotation.unwrap();
    assert_eq!((begun.old_keys, begun.done, begun.clean), (1, 0, false));
    // What is made from now on is under the new key at once.
    software(&mut world, ALICE, "later", Algorithm::Ed25519).unwrap();
    assert_eq!(under(&world, ALICE).iter().filter(|key| **key == new).count(), 1);
    world.run(work).unwrap();
    assert_eq!(under(&world, ALICE), [new; 8]);
    let through = progress(&mut world).unwrap();
    assert_eq!((through.done, through.total, through.rewrapped, through.left), (5, 5, 7, 0));
    assert!(through.clean, "nothing is under the old key");
    assert_eq!(material_keys(&world, ALICE).len(), 2, "calls under way may still need it");
    assert_all_work(&mut world);
    settle(&mut world);
    assert_eq!(material_keys(&world, ALICE), [new]);
    assert_eq!((progress(&mut world), tenant(&world, ALICE).rotation), (None, None));
    let server = &world.server;
    assert!(server.alarms.all().is_empty(), "{:?}", server.alarms.all());
    for restarts in [false, true] {
        if restarts {
            world.restart();
        }
        assert_all_work(&mut world);
        let opened = world.call(ALICE, async |server, caller| {
            server.engine.decrypt(&caller, &primary("seal"), &sealed.ciphertext, b"aad").await
        });
        opened.unwrap();
    }
    assert_eq!(under(&world, BOB), others);
    let opened = world.run(async |server| server.keyring.open(old).await);
    assert!(opened.is_err(), "it is not kept open either");
}

/// The auditor is told what was done, and that the old key is destroyed, which is not the same as erased.
#[test]
fn every_step_is_in_the_audit_of_the_tenant() {
    let mut world = world();
    let old = tenant(&world, ALICE).material_key;
    rotate(&mut world).unwrap();
    settle(&mut world);
    let listed = world.call(ALICE, async |server, caller| {
        let page = PageRequest { size: 200, token: String::new() };
        let filter = AuditFilter {
            tenant: ALICE.tenant(),
            key: None,
            principal: None,
            action: None,
            outcome: None,
            from_ms: None,
            until_ms: None,
        };
        server.engine.list_audit(&caller, &filter, page).await
    });
    let told: Vec<(String, String)> = listed
        .unwrap()
        .items
        .into_iter()
        .map(|item| (item.entry.action.name().to_owned(), item.entry.detail.unwrap_or_default()))
        .filter(|(action, _)| action == "tenant.rotate-key" || action == "service.rewrap")
        .collect();
    assert!(told.iter().any(|(action, detail)| action == "tenant.rotate-key" && detail.ends_with(&old.to_string())));
    assert!(told.iter().any(|(_, detail)| detail.starts_with("6 under wrapping key")), "{told:?}");
    let ends: Vec<_> = told.iter().filter(|(_, detail)| detail.starts_with("destroyed:")).collect();
    assert!(ends.len() == 1 && !ends[0].1.contains("erased"), "{told:?}");
}

#[test]
fn only_an_administrator_rotates_and_a_repetition_rotates_once() {
    let mut world = world();
    let id = Idempotency { method: "RotateTenantKey", request_id: [7; 16], body: [1; 32] };
    let mut once = || {
        world.call_once(ALICE, id, async |server, caller| {
            server.engine.rotate_tenant_key(&caller, &ALICE.tenant()).await
        })
    };
    assert_eq!(once().unwrap().wrapping_key, once().unwrap().wrapping_key);
    let foreign =
        world.call(BOB, async |server, caller| server.engine.rotate_tenant_key(&caller, &ALICE.tenant()).await);
    assert_eq!(reason(foreign), Reason::PermissionDenied);
    for role in [hufu_core::record::Role::Operator, hufu_core::record::Role::Application] {
        let member = Member { id: "other", pin: [9; 32], role, ..ALICE };
        world.run(async |server| member.register(server, true).await).unwrap();
        let asked = world
            .call(member, async |server, caller| server.engine.rotate_tenant_key(&caller, &ALICE.tenant()).await);
        assert_eq!(reason(asked), Reason::PermissionDenied);
    }
}

/// kill -9 after each commit: every key works on the next start, and the work goes on to its end.
#[test]
fn an_end_at_any_commit_loses_nothing_and_the_next_start_goes_on() {
    for cut in 1.. {
        let mut world = world();
        rotate(&mut world).unwrap();
        let time = world.site.time.clone();
        let all = async |server: &Server| {
            work(server).await?;
            time.advance(LONG_MS);
            work(server).await
        };
        let ended = world.run_cut(cut, all);
        world.restart();
        assert_all_work(&mut world);
        settle(&mut world);
        let new = tenant(&world, ALICE).material_key;
        assert_eq!(
            (under(&world, ALICE), material_keys(&world, ALICE)),
            (vec![new; 7], vec![new]),
            "cut after {cut}"
        );
        assert_all_work(&mut world);
        if ended.is_some() {
            assert!(cut > 3, "there were commits to cut after");
            break;
        }
    }
}

/// A key that is made while the wrapping key changes is not left under the old one: its maker is told to try again.
#[test]
fn what_is_made_under_the_old_key_in_the_same_moment_is_not_committed() {
    let mut world = world();
    let request = CreateKey { protection: Protection::Software, ..create(ALICE, "new", Algorithm::Ed25519) };
    let again = request.clone();
    let (rotated, made) = world.call(ALICE, async |server, caller| {
        join(server.engine.rotate_tenant_key(&caller, &ALICE.tenant()), server.engine.create_key(&caller, request))
            .await
    });
    let new = rotated.unwrap().wrapping_key;
    assert_eq!(reason(made), Reason::Overloaded);
    world.call(ALICE, async |server, caller| server.engine.create_key(&caller, again).await).unwrap();
    settle(&mut world);
    assert_eq!(under(&world, ALICE), [new; 8]);
}

/// Signatures and a revocation beside the work: no output is withheld because material moves, and what changes is left to the
/// next look.
#[test]
fn uses_and_changes_go_on_beside_it() {
    let mut world = world();
    rotate(&mut world).unwrap();
    let (worked, signed) = world.call(ALICE, async |server, caller| {
        let uses = async {
            let mut signed = Vec::new();
            for _ in 0..20 {
                signed.push(crate::requests::sign_with(server, &caller, &primary("sign")).await.map(drop));
            }
            signed
        };
        join(work(server), uses).await
    });
    worked.unwrap();
    assert_eq!(signed, vec![Ok(()); 20]);
    world.change(version("mac", 2), REVOKE).unwrap();
    world.change(version("sign", 2), COMPROMISE).unwrap();
    settle(&mut world);
    assert_eq!(material_keys(&world, ALICE).len(), 1);
    assert_eq!(world.state(&version("sign", 2)), KeyState::Compromised);
}

#[test]
fn a_version_that_is_destroyed_meanwhile_stays_destroyed() {
    let mut world = world();
    world.change(version("sign", 1), Change::ScheduleDestroy { after_ms: 1_000 }).unwrap();
    rotate(&mut world).unwrap();
    world.site.time.advance(2_000);
    world.run(async |server| join(work(server), server.engine.reconcile_once()).await).0.unwrap();
    world.reconcile();
    settle(&mut world);
    assert_eq!(world.state(&version("sign", 1)), KeyState::Destroyed);
    assert_eq!((under(&world, ALICE).len(), material_keys(&world, ALICE).len()), (6, 1));
}

#[test]
fn a_row_that_was_changed_is_left_and_told_and_keeps_the_old_key() {
    let mut world = world();
    let (old, id) = (tenant(&world, ALICE).material_key, version("mac", 1).row_id());
    rotate(&mut world).unwrap();
    let genuine = world.site.store.snapshot().rows[&Collection::Version][&id].clone();
    world.site.store.tamper(|state| *row(state, Collection::Version, &id).body.last_mut().unwrap() ^= 1);
    settle(&mut world);
    let told = progress(&mut world).unwrap();
    assert_eq!((told.left, told.clean, told.done), (1, false, 4));
    assert!(world.server.alarms.is_raised(NOT_REWRAPPED, &version("mac", 1).to_string()));
    assert!(world.server.alarms.is_raised(QUARANTINE, &version("mac", 1).to_string()));
    assert!(material_keys(&world, ALICE).contains(&old), "the row may be mended");
    // It is, and the rotation ends.
    world.site.store.tamper(|state| *row(state, Collection::Version, &id) = genuine);
    world.restart();
    settle(&mut world);
    assert_eq!(material_keys(&world, ALICE), [tenant(&world, ALICE).material_key]);
    assert_all_work(&mut world);
}

/// The old keys of rotations that cannot end add up, and at last no more is begun.
#[test]
fn rotations_run_into_one_another_and_are_bounded() {
    let mut world = world();
    let id = version("mac", 1).row_id();
    world.site.store.tamper(|state| row(state, Collection::Version, &id).tag.clear());
    for old in 1..=8 {
        assert_eq!(rotate(&mut world).unwrap().rotation.unwrap().old_keys, old);
        world.run(work).unwrap();
    }
    assert_eq!(reason(rotate(&mut world)), Reason::WrongState);
    let newest = tenant(&world, ALICE).material_key;
    assert_eq!(under(&world, ALICE).iter().filter(|key| **key == newest).count(), 6);
}

/// A key row from before a rotation of the key hides its newer versions: their material is not given up for it.
#[test]
fn a_key_row_that_knows_fewer_versions_than_there_are_keeps_the_old_key() {
    let mut world = world();
    let name = version("mac", 1).key;
    let before = world.site.store.snapshot();
    world.call(ALICE, async |server, caller| server.engine.rotate_key(&caller, &name, None).await).unwrap();
    world.site.store.tamper(|state| {
        let older = before.rows[&Collection::Key][&name.to_string()].clone();
        state.rows.get_mut(&Collection::Key).unwrap().insert(name.to_string(), older);
    });
    world.restart();
    rotate(&mut world).unwrap();
    settle(&mut world);
    assert_eq!(material_keys(&world, ALICE).len(), 2, "the old key is still there");
    assert!(world.server.alarms.all().iter().any(|alarm| alarm.detail.contains("older than its versions")));
}

/// Whoever can write to the database puts a row back from before the rotation, and the wrapping key with it.
#[test]
fn a_row_from_before_the_rotation_does_not_open_and_is_told_as_what_it_is() {
    let name = version("mac", 1);
    let before_last = |world: &World, name: &VersionName, alarm: &str| {
        let all = world.server.alarms.all();
        let found = all.iter().find(|found| found.resource == *alarm && found.kind == QUARANTINE);
        let told = |detail: &str| detail.contains("before") || detail.contains("not as its last ledger leaf says");
        assert!(found.is_some_and(|found| told(&found.detail)), "{name}: {all:?}");
    };
    for restores in 1..=4 {
        let mut world = world();
        let before = world.site.store.snapshot();
        let old = tenant(&world, ALICE).material_key.to_string();
        rotate(&mut world).unwrap();
        settle(&mut world);
        world.site.store.tamper(|state| {
            let mut put_back = |collection, id: &str| {
                let older = before.rows[&collection][id].clone();
                state.rows.get_mut(&collection).unwrap().insert(id.to_owned(), older);
            };
            put_back(Collection::Version, &name.row_id());
            if restores > 1 {
                put_back(Collection::WrappingKey, &old);
            }
            if restores > 2 {
                put_back(Collection::Tenant, ALICE.tenant);
            }
            if restores > 3 {
                // All as it was: nothing in the database but the ledger tells of a rotation.
                state
                    .rows
                    .get_mut(&Collection::WrappingKey)
                    .unwrap()
                    .retain(|id, _| before.rows[&Collection::WrappingKey].contains_key(id));
            }
        });
        world.restart();
        let opened = world.call(ALICE, async |server, caller| {
            server.engine.verify_mac(&caller, &numbered("mac", 1), b"m", &[0; 32]).await
        });
        assert_eq!(reason(opened), Reason::Quarantined, "{restores}");
        let alarm = if restores > 2 { "tenants/acme".to_owned() } else { name.to_string() };
        before_last(&world, &name, &alarm);
        if restores == 1 {
            // It does not keep the next rotation from its end: it is under none of its keys.
            rotate(&mut world).unwrap();
            settle(&mut world);
            assert_eq!(material_keys(&world, ALICE).len(), 1);
        }
    }
}

/// Requests at the same moment may open more jobs than fit a page: those behind it are found too.
#[test]
fn import_jobs_behind_the_first_page_live_through_it() {
    let mut world = world();
    for number in 2..IMPORT_JOBS_OPEN_MAX {
        wait_for(&mut world, &format!("a{number:02}"), &format!("a{number:02}"));
    }
    let made = world.call(ALICE, async |server, caller| {
        let make = |id| server.engine.create_import_job(&caller, job(id, id));
        join(make("y"), make("z")).await
    });
    assert!(made.0.is_ok() && made.1.is_ok());
    rotate(&mut world).unwrap();
    settle(&mut world);
    let newest = tenant(&world, ALICE).material_key;
    let rows = world.site.store.snapshot().rows;
    let jobs: Vec<_> = rows[&Collection::ImportJob].values().map(|row| ImportJob::from_row(row).unwrap()).collect();
    assert_eq!(jobs.len(), IMPORT_JOBS_OPEN_MAX as usize + 1);
    let is_under_newest =
        |job: &ImportJob| matches!(job.locator, Locator::Wrapped { wrapping_key, .. } if wrapping_key == newest);
    assert!(jobs.iter().all(is_under_newest));
    world.restart();
    bring(&mut world, "z");
}

/// An import job that waits can be used before, while and after its key is wrapped anew.
#[test]
fn an_import_job_lives_through_it() {
    let mut world = world();
    rotate(&mut world).unwrap();
    settle(&mut world);
    world.restart();
    assert_eq!(bring(&mut world, "j").key.record.exit, Exit::Never);
    world.call(ALICE, async |server, caller| server.engine.mac(&caller, &primary("in"), b"m").await).unwrap();
}
