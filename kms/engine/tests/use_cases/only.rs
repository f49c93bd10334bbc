//! What the policy keeps for ceremonies: nothing that began before, or is under way, goes on beside it.

use std::sync::Arc;

use futures_util::future::join;
use hufu_ceremony::{CeremonyPolicy, State};
use hufu_core::changeset::Collection;
use hufu_core::record::{CeremonyRules, ImportJob, ImportState};
use hufu_core::{Error, Reason};
use hufu_engine::api::{Caller, Change, ImportKey};

use crate::ceremonies::{DELAY_MS, Stage};
use crate::common::hazards::pause;
use crate::common::server::Server;
use crate::common::world::{ALICE, World};
use crate::requests::{REVOKE, key, reason, version};
use crate::transfer::{job, wrapped};

/// What a caller does alone, unless the policy keeps it.
#[derive(Clone, Copy, Debug)]
enum Alone {
    Rotate,
    RotateTenant,
    Destroy,
    OpenJob,
    Import,
}

const ALL: [Alone; 5] = [Alone::Rotate, Alone::RotateTenant, Alone::Destroy, Alone::OpenJob, Alone::Import];

fn policy(deployment: &str, number: u32, only: bool) -> CeremonyPolicy {
    let plain = "approvals = 2\norganisations = 2\nlifetime_max_s = 604800\n";
    let kept = ["rotate-key", "rotate-tenant-key", "import", "destruction"];
    let kept: String = kept.map(|kind| format!("[rules.{kind}]\n{plain}only = {only}\n")).concat();
    let file =
        format!("format = 1\ndeployment = \"{deployment}\"\nnumber = {number}\n{kept}[rules.policy-change]\n{plain}");
    CeremonyPolicy::from_toml(&file).unwrap()
}

async fn attempt(alone: Alone, server: &Server, caller: &Caller, open: &ImportJob) -> Result<(), Error> {
    let engine = &server.engine;
    match alone {
        Alone::Rotate => engine.rotate_key(caller, &key(ALICE, "sign"), None).await.map(drop),
        Alone::RotateTenant => engine.rotate_tenant_key(caller, &ALICE.tenant()).await.map(drop),
        Alone::Destroy => {
            let change = Change::ScheduleDestroy { after_ms: DELAY_MS };
            let request = hufu_engine::api::VersionChange { name: version("old", 1), etag: None, change };
            engine.change_version(caller, request).await.map(drop)
        }
        Alone::OpenJob => engine.create_import_job(caller, job(ALICE, "another")).await.map(drop),
        Alone::Import => {
            let request = ImportKey { job: open.name(), wrapped: wrapped(open) };
            engine.import_key(caller, request).await.map(drop)
        }
    }
}

/// A stage on which everything is done alone, a job that is open, and a ceremony that is ready to end that.
fn stage() -> (Stage, Arc<ImportJob>) {
    let mut stage = Stage::under(|deployment| policy(deployment, 1, false));
    stage.world.signing_key("old");
    stage.world.change(version("old", 1), REVOKE).unwrap();
    let open = stage.world.create_job(job(ALICE, "in")).unwrap().record;
    let next = policy(stage.roster.deployment(), 2, true);
    stage.approved(1, &format!("policy-change]\nnext = \"{}\"\n", next.hash()), &next.to_bytes());
    (stage, open)
}

/// Both at once, each after so many rounds of the other.
fn race(alone: Alone, [change_after, alone_after]: [u64; 2]) -> Option<Error> {
    let (mut stage, open) = stage();
    let (changed, done) = stage.world.call(ALICE, async |server, caller| {
        let change = async {
            pause(change_after).await;
            server.engine.execute_ceremony(&caller, 1).await
        };
        let done = async {
            pause(alone_after).await;
            attempt(alone, server, &caller, &open).await
        };
        join(change, done).await
    });
    assert_eq!(changed.unwrap().ceremony.state(), State::Executed);
    let again = stage.world.call(ALICE, async |server, caller| attempt(alone, server, &caller, &open).await);
    assert_eq!(again.unwrap_err().by_rule(), Some("CEREMONY_ONLY"), "{alone:?}");
    done.err()
}

#[test]
fn rules_that_come_into_force_between_check_and_commit_count() {
    const ROUNDS: [[u64; 2]; 9] = [[0, 4], [0, 3], [0, 2], [0, 1], [0, 0], [1, 0], [2, 0], [3, 0], [4, 0]];
    for alone in ALL {
        let ended = ROUNDS.map(|rounds| race(alone, rounds));
        let met = ended.iter().flatten().filter(|error| error.reason() == Reason::Overloaded);
        assert!(met.clone().count() > 0, "{alone:?}: never between check and commit: {ended:?}");
        assert!(met.clone().all(|error| error.message().contains("roster or policy of ceremonies")), "{ended:?}");
        assert!(ended.first().unwrap().as_ref().is_some_and(|error| error.by_rule() == Some("CEREMONY_ONLY")));
        assert!(ended.last().unwrap().is_none(), "{alone:?} was done before: {ended:?}");
    }
}

#[test]
fn a_job_that_a_caller_opened_before_takes_nothing_in_and_one_of_a_ceremony_does() {
    let (mut stage, open) = stage();
    stage.execute(1).unwrap();
    let refused = stage.world.import(&open, wrapped(&open)).unwrap_err();
    assert_eq!(refused.by_rule(), Some("CEREMONY_ONLY"));
    assert_eq!(stage.world.job_state(&open), ImportState::Open);
    stage.policy = policy(stage.roster.deployment(), 2, true);
    let act = "import]\nkey = \"tenants/acme/keys/in\"\nalgorithm = \"hmac-sha256\"\nprotection = \"software\"\n";
    stage.approved(2, act, &[]);
    assert_eq!(stage.execute(2).unwrap().ceremony.state(), State::Executing);
    let name = "tenants/acme/importJobs/ceremony-2".parse().unwrap();
    let call = async |server: &Server, caller| server.engine.import_job(&caller, &name).await;
    let own = stage.world.call(ALICE, call).unwrap().record;
    assert_eq!((own.ceremony, open.ceremony), (Some(2), None));
    stage.world.import(&own, wrapped(&own)).unwrap();
    stage.pass();
    assert_eq!(stage.state(2), State::Executed);
}

/// Another server of the deployment has begun with ceremonies: this one, which was started without, does nothing beside them.
#[test]
fn a_server_that_does_not_know_the_rules_does_nothing_alone() {
    let mut world = World::new();
    world.signing_key("sign");
    world.rotate("sign", None).unwrap();
    world.site.store.tamper(|state| {
        let rows = state.rows.get_mut(&Collection::Meta).unwrap();
        let mut rules = rows.values().next().unwrap().clone();
        rules.id = CeremonyRules::ID.to_owned();
        rows.insert(rules.id.clone(), rules);
    });
    let refused = world.rotate("sign", None).unwrap_err();
    assert_eq!(refused.reason(), Reason::CeremonyRefused);
    assert!(refused.message().contains("which this server does not know"), "{}", refused.message());
    // Revoking never waits for anybody.
    world.change(version("sign", 1), REVOKE).unwrap();
    assert_eq!(
        reason(world.change(version("sign", 1), Change::ScheduleDestroy { after_ms: DELAY_MS })),
        Reason::CeremonyRefused
    );
}
