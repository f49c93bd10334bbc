//! Import jobs: how long they wait, how often they are tried, and that nothing of them stays.

use futures_util::future::join;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::name::JobId;
use hufu_core::record::{Exit, ImportJob, ImportState, Origin, Protection};
use hufu_core::{Error, Reason};
use hufu_engine::api::{CreateImportJob, CreateKey, IMPORT_JOBS_OPEN_MAX, ImportJobView, ImportKey, KeyDetail};

use crate::common::hazards::CallFault;
use crate::common::world::{ALICE, BOB, Member, World};
use crate::requests::{create, key, primary, reason};

const DAY_MS: u64 = 86_400_000;

pub(crate) fn job(member: Member, id: &str) -> CreateImportJob {
    CreateImportJob {
        job: JobId::parse(id).unwrap(),
        key: create(member, id, Algorithm::HmacSha256),
        public_key: None,
        import_algorithm: None,
        lifetime_ms: None,
    }
}

impl World {
    pub(crate) fn create_job(&mut self, request: CreateImportJob) -> Result<ImportJobView, Error> {
        self.call(ALICE, async |server, caller| server.engine.create_import_job(&caller, request).await)
    }

    pub(crate) fn import(&mut self, job: &ImportJob, wrapped: Vec<u8>) -> Result<KeyDetail, Error> {
        let request = ImportKey { job: job.name(), wrapped };
        self.call(ALICE, async |server, caller| server.engine.import_key(&caller, request).await)
    }

    pub(crate) fn job_state(&mut self, job: &ImportJob) -> ImportState {
        let name = job.name();
        let found = self.call(ALICE, async |server, caller| server.engine.import_job(&caller, &name).await);
        found.unwrap().record.state
    }
}

/// What the simulated backend takes for a key that was wrapped for the job.
pub(crate) fn wrapped(job: &ImportJob) -> Vec<u8> {
    [job.import_key.as_slice(), &[7; 32]].concat()
}

#[test]
fn a_job_brings_one_key_in_and_is_over() {
    let mut world = World::new();
    for (id, protection) in [("a", Protection::Hsm), ("b", Protection::Software)] {
        let mut request = job(ALICE, id);
        request.key.protection = protection;
        let made = world.create_job(request).unwrap().record;
        assert!(made.statement.contains("importJobs/") && made.statement.contains(&format!("keys/{id}\n")));
        let detail = world.import(&made, wrapped(&made)).unwrap();
        let version = &detail.latest.record;
        assert_eq!(version.origin, Origin::Imported);
        assert!(!version.may_be_erased());
        assert_eq!(reason(world.import(&made, wrapped(&made))), Reason::ImportJobClosed);
        assert_eq!(world.job_state(&made), ImportState::Done);
        assert!(!world.holds(made.uid), "the import key is gone");
        let mac = world.call(ALICE, async |server, caller| server.engine.mac(&caller, &primary(id), b"m").await);
        assert!(mac.is_ok());
    }
    assert_eq!(world.rows(Collection::Intent), 0);
}

/// Two at once: one of them has its way, and the other is told what is the matter.
#[test]
fn a_race_is_told_of_as_what_it_is() {
    let mut world = World::new();
    let made = world.call(ALICE, async |server, caller| {
        let (one, other) =
            (job(ALICE, "a"), CreateImportJob { key: create(ALICE, "b", Algorithm::HmacSha256), ..job(ALICE, "a") });
        let make = |request| server.engine.create_import_job(&caller, request);
        join(make(one), make(other)).await
    });
    assert_eq!(reason(made.1), Reason::AlreadyExists);
    let made = made.0.unwrap().record;
    let imported = world.call(ALICE, async |server, caller| {
        let request = || ImportKey { job: made.name(), wrapped: wrapped(&made) };
        join(server.engine.import_key(&caller, request()), server.engine.import_key(&caller, request())).await
    });
    assert!(imported.0.is_ok());
    assert_eq!(reason(imported.1), Reason::Overloaded);
    assert_eq!(world.rows(Collection::Intent), 0);
}

/// The import key is there, and nobody will ever hear of it: it goes at once.
#[test]
fn a_job_that_cannot_be_stated_leaves_nothing() {
    let mut world = World::new();
    let token = world.site.token.clone();
    let log_key = token.uids().into_iter().find(|uid| token.ever(*uid).unwrap().algorithm == Algorithm::Ed25519);
    token.destroy(log_key.unwrap());
    let objects = token.uids();
    assert_eq!(reason(world.create_job(job(ALICE, "a"))), Reason::BackendUnavailable);
    assert_eq!((token.uids(), world.rows(Collection::Intent)), (objects, 0));
}

/// The token may have made the key all the same: the intent stays until the reconciler has looked.
#[test]
fn a_job_whose_key_is_perhaps_made_keeps_its_intent() {
    for (fault, kept) in [(CallFault::Before, 1), (CallFault::After, 1), (CallFault::Overloaded, 0)] {
        let mut world = World::new();
        // The tenant's own wrapping key is open from then on, so that the next call makes the import key.
        world.create_job(job(ALICE, "first")).unwrap();
        world.site.hazards.strike(fault);
        world.create_job(job(ALICE, "a")).unwrap_err();
        assert_eq!(world.rows(Collection::Intent), kept, "{fault:?}");
    }
}

/// Whoever sends a key sees beforehand whether it will be in use at once.
#[test]
fn the_statement_tells_when_the_key_is_active() {
    let mut world = World::new();
    for (id, activate) in [("a", true), ("b", false)] {
        let mut request = job(ALICE, id);
        request.key.activate = activate;
        let made = world.create_job(request).unwrap().record;
        let lines = format!("\ndigest-allowed false\nsm2-id-hex none\nactivate {activate}\n");
        assert!(made.statement.contains(&lines), "{}", made.statement);
        let detail = world.import(&made, wrapped(&made)).unwrap();
        assert_eq!(detail.latest.record.activated_at.is_some(), activate);
    }
}

/// Wrong as often as may be, and right once too late.
#[test]
fn five_attempts_end_a_job() {
    let mut world = World::new();
    let made = world.create_job(job(ALICE, "a")).unwrap().record;
    for _ in 0..5 {
        assert_eq!(reason(world.import(&made, vec![1; 64])), Reason::KeyRejected);
    }
    assert_eq!(reason(world.import(&made, wrapped(&made))), Reason::ImportJobClosed);
    assert_eq!(world.job_state(&made), ImportState::Failed);
    assert!(!world.holds(made.uid), "the import key is gone");
    assert_eq!(world.rows(Collection::Intent), 0);
    world.create_job(CreateImportJob { job: JobId::parse("again").unwrap(), ..job(ALICE, "a") }).unwrap();
}

#[test]
fn a_job_expires_and_is_forgotten() {
    let mut world = World::new();
    let made = world.create_job(job(ALICE, "a")).unwrap().record;
    world.site.time.advance(DAY_MS - 1);
    world.reconcile();
    assert!(world.holds(made.uid), "it still waits");
    world.site.time.advance(1);
    assert_eq!(reason(world.import(&made, wrapped(&made))), Reason::ImportJobClosed, "before any reconciler has run");
    world.reconcile();
    assert_eq!(world.job_state(&made), ImportState::Expired);
    assert!(!world.holds(made.uid), "the import key is gone");
    world.site.time.advance(ImportJob::REMEMBERED_MS);
    world.reconcile();
    assert_eq!(world.rows(Collection::ImportJob), 0);
    let twice = [59_999, 7 * DAY_MS + 1].map(|ms| CreateImportJob { lifetime_ms: Some(ms), ..job(ALICE, "a") });
    for request in twice {
        assert_eq!(reason(world.create_job(request)), Reason::InvalidArgument);
    }
}

#[test]
fn a_tenant_has_so_many_open_jobs_and_no_more() {
    let mut world = World::new();
    for n in 0..IMPORT_JOBS_OPEN_MAX {
        world.create_job(job(ALICE, &format!("k{n}"))).unwrap();
    }
    assert_eq!(reason(world.create_job(job(ALICE, "more"))), Reason::TooMany);
    let others =
        world.call(BOB, async |server, caller| server.engine.create_import_job(&caller, job(BOB, "k")).await);
    others.unwrap();
    world.site.time.advance(DAY_MS);
    world.reconcile();
    world.create_job(job(ALICE, "more")).unwrap();
}

/// What is another tenant's is not there, and a job makes only the key that it was made for.
#[test]
fn a_job_is_of_its_tenant_and_its_key() {
    let mut world = World::new();
    let made = world.create_job(job(ALICE, "a")).unwrap().record;
    let request = ImportKey { job: made.name(), wrapped: wrapped(&made) };
    let stolen = world.call(BOB, async |server, caller| server.engine.import_key(&caller, request).await);
    assert_eq!(reason(stolen), Reason::PermissionDenied);
    world.call(ALICE, async |server, caller| {
        server.engine.create_key(&caller, create(ALICE, "a", Algorithm::Ed25519)).await.unwrap();
    });
    assert_eq!(reason(world.import(&made, wrapped(&made))), Reason::AlreadyExists);
    assert_eq!(reason(world.create_job(job(ALICE, "a"))), Reason::AlreadyExists, "the name is taken");
}

/// A row that was set back, or written by somebody else, opens nothing.
#[test]
fn a_forged_job_is_locked() {
    let mut world = World::new();
    let made = world.create_job(job(ALICE, "a")).unwrap().record;
    world.site.store.tamper(|state| {
        let rows = state.rows.get_mut(&Collection::ImportJob).unwrap();
        let row = rows.values_mut().next().unwrap();
        *row.body.last_mut().unwrap() ^= 1;
    });
    assert_eq!(reason(world.import(&made, wrapped(&made))), Reason::Quarantined);
}

#[test]
fn keys_that_wrap_are_made_here_and_stay() {
    let mut world = World::new();
    let wrapping =
        |exit| CreateKey { exit, protection: Protection::Software, ..create(ALICE, "w", Algorithm::Aes256Kwp) };
    let made =
        world.call(ALICE, async |server, caller| server.engine.create_key(&caller, wrapping(Exit::Exportable)).await);
    assert_eq!(reason(made), Reason::UnsupportedAlgorithm);
    let request = CreateImportJob { key: wrapping(Exit::Never), ..job(ALICE, "w") };
    assert_eq!(reason(world.create_job(request)), Reason::UnsupportedAlgorithm);
    let by = primary("w");
    let wrapped = world.call(ALICE, async |server, caller| server.engine.wrap_key(&caller, &by, &by).await);
    assert_eq!(reason(wrapped), Reason::KeyNotFound);
    assert_eq!(key(ALICE, "w").to_string(), "tenants/acme/keys/w");
}
