//! Further kinds of ceremonies that the service does: a key comes in, a root slot gets a new root key.

use hufu_ceremony::{State, What};
use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::name::ImportJobName;
use hufu_core::record::{ImportJob, Origin, Protection, RootState};
use hufu_engine::api::{CreateKey, ImportKey, KeyDetail};
use sha2::{Digest as _, Sha256};

use crate::ceremonies::{Stage, cut_everywhere};
use crate::common::world::ALICE;
use crate::requests::{create, key, reason, version};
use crate::roots::{assert_all_open, reports};

const SECRET: &str =
    "import]\nkey = \"tenants/acme/keys/old\"\nalgorithm = \"hmac-sha256\"\nprotection = \"software\"\n";
const ROOT: &str = "rotate-root]\nslot = \"token\"\n";

fn job(stage: &mut Stage, number: u64) -> ImportJob {
    let name: ImportJobName = format!("tenants/acme/importJobs/ceremony-{number}").parse().unwrap();
    let found = stage.world.call(ALICE, async |server, caller| server.engine.import_job(&caller, &name).await);
    (*found.unwrap().record).clone()
}

/// The key as its sender wraps it for the job.
fn bring(stage: &mut Stage, job: &ImportJob) -> Result<KeyDetail, hufu_core::Error> {
    let wrapped = [job.import_key.as_slice(), &[7; 32]].concat();
    let request = ImportKey { job: job.name(), wrapped };
    stage.world.call(ALICE, async |server, caller| server.engine.import_key(&caller, request).await)
}

fn failure(stage: &mut Stage, number: u64) -> String {
    let ceremony = stage.get(number).ceremony;
    let What::Failed(why) = &ceremony.events().last().unwrap().what else { panic!("no failure") };
    why.as_str().to_owned()
}

#[test]
fn a_key_comes_in_by_the_job_that_custodians_approved() {
    let mut stage = Stage::new();
    stage.approved(1, SECRET, &[]);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executing);
    stage.pass();
    assert_eq!(stage.state(1), State::Executing, "nobody has brought the key");
    let job = job(&mut stage, 1);
    assert_eq!((job.to_be.algorithm, job.to_be.activate), (Algorithm::HmacSha256, true));
    let detail = bring(&mut stage, &job).unwrap();
    assert_eq!((detail.key.record.name(), detail.latest.record.origin), (key(ALICE, "old"), Origin::Imported));
    stage.pass();
    assert_eq!(stage.state(1), State::Executed);
    stage.world.sequence();
}

#[test]
fn a_key_that_nobody_brings_in_time_is_told_as_that() {
    let mut stage = Stage::new();
    stage.approved(1, SECRET, &[]);
    stage.execute(1).unwrap();
    stage.world.site.time.advance(4 * 86_400_000);
    stage.world.reconcile();
    stage.pass();
    assert_eq!(stage.state(1), State::Failed);
    assert!(failure(&mut stage, 1).contains("nobody brought the key in time"));
}

#[test]
fn a_pair_comes_in_under_the_public_key_that_was_approved() {
    let mut stage = Stage::new();
    let spki = stage.world.version(&version("sign", 1)).unwrap().version.record.public_key.clone().unwrap();
    let named = hex::encode(Sha256::digest(&spki));
    let act = format!(
        "import]\nkey = \"tenants/acme/keys/pair\"\nalgorithm = \"ed25519\"\nprotection = \"hsm\"\npublic_key = \"{named}\"\n"
    );
    assert_eq!(reason(stage.propose_with(1, &act, &[])), Reason::InvalidArgument);
    assert_eq!(reason(stage.propose_with(1, &act, &[4; 91])), Reason::InvalidArgument);
    assert_eq!(reason(stage.propose_with(1, SECRET, &spki)), Reason::InvalidArgument);
    stage.approved(1, &act, &spki);
    assert_eq!(stage.get(1).next, &*spki);
    // That one has its history here already: it comes in no second time.
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Failed);
    assert!(failure(&mut stage, 1).contains("it has its history on the ledger"));
}

#[test]
fn a_key_of_no_known_kind_is_not_proposed() {
    let mut stage = Stage::new();
    for (from, to) in [("hmac-sha256", "rot13"), ("software", "paper"), ("software", "threshold")] {
        assert_eq!(reason(stage.propose_with(1, &SECRET.replace(from, to), &[])), Reason::InvalidArgument);
    }
    let foreign = SECRET.replace("acme", "globex");
    assert_eq!(reason(stage.propose_with(1, &foreign, &[])), Reason::PermissionDenied);
}

/// With a key whose material is wrapped under the root, in the end.
fn with_a_software_key() -> Stage {
    let mut stage = Stage::new();
    let soft = CreateKey { protection: Protection::Software, ..create(ALICE, "soft", Algorithm::Ed25519) };
    stage.world.call(ALICE, async |server, caller| server.engine.create_key(&caller, soft).await).unwrap();
    stage
}

#[test]
fn a_root_slot_gets_a_new_root_key_while_the_service_goes_on() {
    let mut stage = with_a_software_key();
    stage.approved(1, ROOT, &[]);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executed);
    assert_all_open(&mut stage.world);
    let slots: Vec<_> = reports(&mut stage.world).into_iter().map(|slot| (slot.slot, slot.state)).collect();
    let expected = [("token".to_owned(), Some(RootState::Retired)), ("token/2".to_owned(), Some(RootState::Active))];
    assert_eq!(slots, expected);
    assert_eq!(reason(stage.propose_with(2, &ROOT.replace("token", "nowhere"), &[])), Reason::InvalidArgument);
}

#[test]
fn a_new_root_key_that_is_cut_off_anywhere_is_the_only_new_one() {
    cut_everywhere(
        with_a_software_key,
        |stage| stage.approved(1, ROOT, &[]),
        |stage, cuts| {
            assert_all_open(&mut stage.world);
            let slots: Vec<_> = reports(&mut stage.world).into_iter().map(|slot| (slot.slot, slot.state)).collect();
            let expected =
                [("token".to_owned(), Some(RootState::Retired)), ("token/2".to_owned(), Some(RootState::Active))];
            assert_eq!(slots, expected, "cut after {cuts}");
        },
    );
}

#[test]
fn an_import_that_is_cut_off_anywhere_opens_one_job() {
    for cuts in 0.. {
        let mut stage = Stage::new();
        stage.approved(1, SECRET, &[]);
        let caller = stage.world.run(async |server| ALICE.call(server).await).unwrap();
        let whole = stage.world.run_cut(cuts, async |server| server.engine.execute_ceremony(&caller, 1).await);
        stage.world.restart();
        stage.world.site.time.advance(200_000);
        stage.world.reconcile();
        if stage.state(1) == State::Ready {
            stage.execute(1).unwrap();
        }
        stage.pass();
        let job = job(&mut stage, 1);
        bring(&mut stage, &job).unwrap();
        stage.pass();
        assert_eq!(stage.state(1), State::Executed, "cut after {cuts}");
        assert_eq!(stage.world.rows(hufu_core::changeset::Collection::ImportJob), 1);
        if whole.is_some() {
            return assert!(cuts >= 3, "{cuts}");
        }
    }
}
