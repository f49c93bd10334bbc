//! Ceremonies in the service: quorum, delay, veto, each kind that is executed, an end at every commit, a database that was changed.

use hufu_ceremony::{At, Ceremony, CeremonyPolicy, Grounds, Pins, Request, State, What, Word, verify};
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::{Collection, Row};
use hufu_core::record::{CeremonyRecord, CeremonyRules, KeyState, Protection, Record as _};
use hufu_core::{Error, Reason};
use hufu_custodian::testing::Person;
use hufu_custodian::{Custodian, Roster, VerifyingKey};
use hufu_engine::api::{CeremonyView, CeremonyWord, Change, CreateKey, Idempotency, PageRequest};
use hufu_storage::MemoryState;

use crate::common::server::Server;
use crate::common::world::{ALICE, BOB, Member, World};
use crate::requests::{REVOKE, create, key, reason, version};

/// An hour, the delay of destructions.
pub(crate) const DELAY_MS: u64 = 3_600_000;
pub(crate) const DAY_MS: u64 = 24 * DELAY_MS;

const PEOPLE: [(&str, &str, &[&str]); 5] = [
    ("ann", "north", &["officer"]),
    ("ben", "north", &["officer"]),
    ("cho", "south", &["officer"]),
    ("dee", "south", &["officer"]),
    ("eve", "east", &["auditor"]),
];

fn policy(deployment: &str, number: u32) -> CeremonyPolicy {
    let plain = "approvals = 2\norganisations = 2\nlifetime_max_s = 604800\n";
    let kinds = [
        "rotate-key",
        "rotate-tenant-key",
        "rotate-label",
        "policy-change",
        "roster-change",
        "rotate-root",
        "import",
    ];
    let rules: String = kinds.iter().map(|kind| format!("[rules.{kind}]\n{plain}")).collect();
    let file = format!("format = 1\ndeployment = \"{deployment}\"\nnumber = {number}\n{rules}");
    CeremonyPolicy::from_toml(&file).unwrap()
}

/// One under which nothing but destruction is done, after a delay.
fn slow_policy(deployment: &str) -> CeremonyPolicy {
    let destruction = "[rules.destruction]\napprovals = 2\norganisations = 2\nveto = \"auditor\"\ndelay_s = 3600\n\
                       lifetime_max_s = 604800\nlogged_first = true\n";
    CeremonyPolicy::from_toml(&format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n{destruction}"))
        .unwrap()
}

/// People, and a world that holds ceremonies with them.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) people: Vec<Person>,
    pub(crate) roster: Roster,
    pub(crate) policy: CeremonyPolicy,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::under(|deployment| policy(deployment, 1))
    }

    fn destroying() -> Self {
        Self::under(slow_policy)
    }

    pub(crate) fn under(policy: fn(&str) -> CeremonyPolicy) -> Self {
        Self::in_world(World::new(), policy)
    }

    pub(crate) fn in_world(world: World, policy: fn(&str) -> CeremonyPolicy) -> Self {
        let mut stage = Self::peopled(world, policy);
        stage.world.signing_key("sign");
        stage
    }

    /// The same without a key.
    pub(crate) fn peopled(mut world: World, policy: fn(&str) -> CeremonyPolicy) -> Self {
        let deployment = world.server.log_key.name().to_owned();
        let people: Vec<Person> = PEOPLE.iter().map(|(name, of, _)| Person::new(name, of)).collect();
        let entry = |(person, row): (&Person, &(&str, &str, &[&str]))| Custodian {
            roles: row.2.iter().map(|role| role.parse().unwrap()).collect(),
            ..person.custodian()
        };
        let roster = Roster::first(&deployment, people.iter().zip(&PEOPLE).map(entry).collect()).unwrap();
        let policy = policy(&deployment);
        world.site.ceremonies = Some(Grounds::new(roster.clone(), policy.clone()).unwrap());
        world.restart();
        Self { world, people, roster, policy }
    }

    pub(crate) fn person(&self, name: &str) -> &Person {
        self.people.iter().find(|person| person.name().as_str() == name).unwrap()
    }

    pub(crate) fn request(&self, number: u64, act: &str) -> Request {
        let file = format!(
            "format = 1\ndeployment = \"{}\"\nnumber = {number}\ntitle = \"A title\"\nreason = \"A reason\"\n\
             proposer = \"ann\"\nroster = \"{}\"\npolicy = \"{}\"\n\
             not_before = 2023-11-14T00:00:00Z\nexpires_at = 2023-11-17T00:00:00Z\n[act.{act}",
            self.roster.deployment(),
            hex::encode(self.roster.hash().0),
            self.policy.hash(),
        );
        Request::from_toml(&file).unwrap()
    }

    pub(crate) fn propose_with(&mut self, number: u64, act: &str, next: &[u8]) -> Result<CeremonyView, Error> {
        let proposal = self.person("ann").sign(self.request(number, act).to_bytes()).to_bytes();
        let call = async |server: &Server, caller| server.engine.propose_ceremony(&caller, &proposal, next).await;
        self.world.call(ALICE, call)
    }

    pub(crate) fn propose(&mut self, number: u64, act: &str) -> CeremonyView {
        self.propose_with(number, act, &[]).unwrap()
    }

    pub(crate) fn statement(&self, of: &Ceremony, who: &str, word: Word) -> Vec<u8> {
        let person = self.person(who);
        let now = of.events()[0].at.wall_ms;
        person.sign(of.decision(&person.name(), word, (now, now + 3 * DAY_MS)).to_bytes()).to_bytes()
    }

    pub(crate) fn bring(&mut self, number: u64, word: CeremonyWord, statement: &[u8]) -> Result<CeremonyView, Error> {
        let call =
            async |server: &Server, caller| server.engine.decide_ceremony(&caller, number, word, statement).await;
        self.world.call(ALICE, call)
    }

    pub(crate) fn approve(&mut self, number: u64, who: &str) -> Result<CeremonyView, Error> {
        let of = self.get(number).ceremony;
        let statement = self.statement(&of, who, Word::Approve);
        self.bring(number, CeremonyWord::Approve, &statement)
    }

    pub(crate) fn get(&mut self, number: u64) -> CeremonyView {
        self.world.call(ALICE, async |server, caller| server.engine.ceremony(&caller, number).await).unwrap()
    }

    pub(crate) fn execute(&mut self, number: u64) -> Result<CeremonyView, Error> {
        self.world.call(ALICE, async |server, caller| server.engine.execute_ceremony(&caller, number).await)
    }

    pub(crate) fn pass(&mut self) {
        self.world.run(async |server| server.engine.hold_ceremonies().await).unwrap();
    }

    pub(crate) fn state(&mut self, number: u64) -> State {
        self.get(number).ceremony.state()
    }

    /// A ceremony that two of two organisations have approved.
    pub(crate) fn approved(&mut self, number: u64, act: &str, next: &[u8]) {
        self.propose_with(number, act, next).unwrap();
        self.approve(number, "ben").unwrap();
        self.approve(number, "cho").unwrap();
    }

    pub(crate) fn transcript(&mut self, number: u64) -> Vec<u8> {
        let call = async |server: &Server, caller| server.engine.ceremony_transcript(&caller, number).await;
        self.world.call(ALICE, call).unwrap()
    }

    pub(crate) fn pins(&self) -> Pins {
        let service = VerifyingKey::from_ed25519(self.world.server.log_key.public_key()).unwrap();
        Pins { roster: self.roster.hash(), policy: Some(self.policy.hash()), service, seen: None }
    }
}

fn rotate(key: &str, version: u32) -> String {
    format!("rotate-key]\nkey = \"tenants/acme/keys/{key}\"\nversion = {version}\n")
}

const TENANT: &str = "rotate-tenant-key]\ntenant = \"tenants/acme\"\nversion = 1\n";
const LABEL: &str = "rotate-label]\ntenant = \"tenants/acme\"\nlabel = \"team\"\nvalue = \"pay\"\nkeys_max = 3\n";

pub(crate) fn rule(result: Result<CeremonyView, Error>) -> &'static str {
    let error = result.unwrap_err();
    assert_eq!(error.reason(), Reason::CeremonyRefused, "{error:?}");
    error.by_rule().unwrap()
}

#[test]
fn a_key_is_rotated_once_two_have_approved_and_the_transcript_tells_it() {
    let mut stage = Stage::new();
    let begun = stage.propose(1, &rotate("sign", 1));
    assert_eq!(begun.ceremony.state(), State::Collecting);
    assert_eq!(rule(stage.execute(1)), "CEREMONY_WRONG_STATE");
    stage.approve(1, "ben").unwrap();
    assert_eq!(rule(stage.approve(1, "ann")), "CEREMONY_PROPOSER_APPROVES");
    assert_eq!(rule(stage.execute(1)), "CEREMONY_WRONG_STATE");
    stage.approve(1, "cho").unwrap();
    let done = stage.execute(1).unwrap();
    assert_eq!(done.ceremony.state(), State::Executed);
    assert_eq!(stage.world.state(&version("sign", 2)), KeyState::Active);
    assert_eq!(stage.world.state(&version("sign", 1)), KeyState::Deactivated);
    let report = verify(&stage.transcript(1), &stage.pins()).unwrap();
    assert_eq!(report.ceremony(), &*done.ceremony);
    assert!(report.words().contains("tenants/acme/keys/sign/versions/2 took over"), "{}", report.words());
    // The log has a leaf for each event, and goes on.
    stage.world.sequence();
    assert_eq!(rule(stage.execute(1)), "CEREMONY_WRONG_STATE");
}

#[test]
fn without_roster_and_policy_every_call_says_so() {
    let mut world = World::new();
    let asked = world.call(ALICE, async |server, caller| server.engine.ceremony(&caller, 1).await);
    assert_eq!(reason(asked), Reason::CeremoniesOff);
    let page = PageRequest::default();
    let asked = world.call(ALICE, async |server, caller| server.engine.list_ceremonies(&caller, None, &page).await);
    assert_eq!(reason(asked), Reason::CeremoniesOff);
    world.run(async |server| server.engine.hold_ceremonies().await).unwrap();
}

#[test]
fn a_number_is_taken_once_and_approvals_count_in_one_ceremony() {
    let mut stage = Stage::new();
    let first = stage.propose(1, &rotate("sign", 1));
    let again = stage.propose_with(1, &rotate("sign", 1), &[]);
    assert_eq!(reason(again), Reason::AlreadyExists);
    stage.propose(2, &rotate("sign", 1));
    let approval = stage.statement(&first.ceremony, "ben", Word::Approve);
    stage.bring(1, CeremonyWord::Approve, &approval).unwrap();
    assert_eq!(rule(stage.bring(1, CeremonyWord::Approve, &approval)), "CEREMONY_ALREADY_APPROVED");
    assert_eq!(rule(stage.bring(2, CeremonyWord::Approve, &approval)), "CEREMONY_OTHER_REQUEST");
    assert_eq!(rule(stage.bring(1, CeremonyWord::Veto, &approval)), "CEREMONY_OTHER_WORD");
    let cancel = stage.statement(&first.ceremony, "ann", Word::Cancel);
    let gone = stage.bring(1, CeremonyWord::Cancel, &cancel).unwrap();
    assert_eq!(gone.ceremony.state(), State::Cancelled);
    // The same request once more has another number in its file: this one stays taken.
    assert_eq!(reason(stage.propose_with(1, &rotate("sign", 1), &[])), Reason::AlreadyExists);
}

#[test]
fn a_repeated_call_changes_nothing() {
    let mut stage = Stage::new();
    let first = stage.propose(1, &rotate("sign", 1));
    let approval = stage.statement(&first.ceremony, "ben", Word::Approve);
    let id = Idempotency { method: "ApproveCeremony", request_id: [9; 16], body: [1; 32] };
    for _ in 0..2 {
        let told = stage.world.call_once(ALICE, id, async |server, caller| {
            server.engine.decide_ceremony(&caller, 1, CeremonyWord::Approve, &approval).await
        });
        assert_eq!(told.unwrap().ceremony.approvals().len(), 1);
    }
}

#[test]
fn a_destruction_is_logged_first_waits_out_its_delay_and_can_be_vetoed() {
    let mut stage = Stage::destroying();
    stage.world.change(version("sign", 1), REVOKE).unwrap();
    let spki = stage.world.version(&version("sign", 1)).unwrap().version.record.public_key.clone().unwrap();
    let act = destruction(&spki);
    for number in [1, 2] {
        stage.propose(number, &act);
        assert_eq!(rule(stage.approve(number, "ben")), "CEREMONY_WRONG_STATE", "it is not in the ledger yet");
        stage.pass();
        assert_eq!(stage.state(number), State::Proposed);
        stage.world.sequence();
        stage.pass();
        assert_eq!(stage.state(number), State::Collecting);
        stage.approve(number, "ben").unwrap();
        stage.approve(number, "dee").unwrap();
        assert_eq!(stage.state(number), State::Delayed);
    }
    let of = stage.get(2).ceremony;
    let veto = stage.statement(&of, "eve", Word::Veto);
    assert_eq!(stage.bring(2, CeremonyWord::Veto, &veto).unwrap().ceremony.state(), State::Rejected);
    assert_eq!(rule(stage.approve(2, "cho")), "CEREMONY_WRONG_STATE");
    assert_eq!(rule(stage.execute(1)), "CEREMONY_WRONG_STATE", "the delay goes on");
    // A clock that is set forward ends no delay.
    stage.world.server.clock.jump(DELAY_MS);
    stage.pass();
    assert_eq!(stage.state(1), State::Delayed);
    stage.world.site.time.advance(DELAY_MS);
    stage.pass();
    assert_eq!(stage.state(1), State::Ready);
    let done = stage.execute(1).unwrap();
    assert_eq!(done.ceremony.state(), State::Executed);
    assert!(stage.world.version(&version("sign", 1)).unwrap().version.record.destroy_at.is_some());
    verify(&stage.transcript(1), &stage.pins()).unwrap();
}

#[test]
fn uptime_is_added_up_over_restarts() {
    let mut stage = Stage::new();
    stage.propose(1, &rotate("sign", 1));
    let before = stage.get(1).now.uptime_ms;
    for _ in 0..3 {
        stage.pass();
        stage.world.site.time.advance(20_000);
        stage.pass();
        stage.world.restart();
    }
    let At { uptime_ms, .. } = stage.get(1).now;
    assert_eq!(uptime_ms - before, 60_000);
}

#[test]
fn a_request_that_nobody_approves_expires() {
    let mut stage = Stage::new();
    stage.propose(1, &rotate("sign", 1));
    stage.world.site.time.advance(3 * DAY_MS);
    assert_eq!(rule(stage.approve(1, "ben")), "CEREMONY_EXPIRED");
    stage.pass();
    assert_eq!(stage.state(1), State::Expired);
    stage.pass();
}

#[test]
fn what_cannot_be_done_is_refused_or_fails_with_its_reason() {
    let mut stage = Stage::new();
    let root = "rotate-root]\nslot = \"first\"\n";
    assert_eq!(reason(stage.propose_with(1, root, &[])), Reason::InvalidArgument);
    assert_eq!(reason(stage.propose_with(1, &rotate("none", 1), &[])), Reason::KeyNotFound);
    let foreign = rotate("sign", 1).replace("acme", "globex");
    assert_eq!(reason(stage.propose_with(1, &foreign, &[])), Reason::PermissionDenied);
    stage.approved(1, &rotate("sign", 1), &[]);
    stage.world.rotate("sign", None).unwrap();
    let failed = stage.execute(1).unwrap();
    assert_eq!(failed.ceremony.state(), State::Failed);
    let What::Failed(why) = &failed.ceremony.events().last().unwrap().what else { panic!("no failure") };
    assert!(why.as_str().starts_with("WRONG_STATE: "), "{why}");
}

#[test]
fn others_see_nothing_of_a_tenants_ceremonies() {
    let mut stage = Stage::new();
    stage.propose(1, &rotate("sign", 1));
    let world = &mut stage.world;
    let asked = world.call(BOB, async |server, caller| server.engine.ceremony(&caller, 1).await);
    assert_eq!(reason(asked), Reason::CeremonyNotFound);
    let list = |world: &mut World, member: Member, tenant: Member| {
        world.call(member, async |server, caller| {
            server.engine.list_ceremonies(&caller, Some(&tenant.tenant()), &PageRequest::default()).await
        })
    };
    assert_eq!(reason(list(world, BOB, ALICE)), Reason::PermissionDenied);
    assert_eq!(list(world, BOB, BOB).unwrap().items.len(), 0);
    assert_eq!(list(world, ALICE, ALICE).unwrap().items.len(), 1);
}

#[test]
fn a_policy_and_then_a_roster_take_the_place_of_the_old_ones() {
    let mut stage = Stage::new();
    let next = policy(stage.roster.deployment(), 2);
    let act = format!("policy-change]\nnext = \"{}\"\n", next.hash());
    assert_eq!(rule(stage.propose_with(1, &act, &stage.policy.to_bytes())), "CEREMONY_OTHER_POLICY");
    stage.approved(1, &act, &next.to_bytes());
    assert_eq!(stage.get(1).next, next.to_bytes());
    stage.approved(2, &rotate("sign", 1), &[]);
    stage.propose(5, &rotate("sign", 1));
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executed);
    assert_eq!(rule(stage.propose_with(3, &rotate("sign", 1), &[])), "CEREMONY_OTHER_POLICY");
    // What was proposed before is approved and begun no more: it would count by rules that were taken away.
    assert_eq!(rule(stage.execute(2)), "CEREMONY_OTHER_POLICY");
    assert_eq!(rule(stage.approve(5, "ben")), "CEREMONY_OTHER_POLICY");
    stage.policy = next;
    let people: Vec<Custodian> = stage.roster.custodians()[..4].to_vec();
    let roster = stage.roster.next(people).unwrap();
    let act = format!("roster-change]\nnext = \"{}\"\n", hex::encode(roster.hash().0));
    stage.approved(3, &act, &roster.to_bytes());
    let done = stage.execute(3).unwrap().ceremony;
    assert!(done.seats(&roster));
    stage.roster = roster;
    assert_eq!(rule(stage.execute(2)), "CEREMONY_OTHER_ROSTER");
    // The configuration still names the first ones.
    stage.world.restart();
    stage.approved(4, &rotate("sign", 1), &[]);
    assert_eq!(stage.execute(4).unwrap().ceremony.state(), State::Executed);
    let other = policy(stage.roster.deployment(), 9);
    stage.world.site.ceremonies = Some(Grounds::new(stage.roster.clone(), other).unwrap());
    assert!(stage.world.try_restart().unwrap_err().contains("neither the first one nor the one in force"));
}

fn labelled(stage: &mut Stage, ids: &[&str]) {
    for id in ids {
        let labels = [("team".to_owned(), "pay".to_owned())].into();
        let request = CreateKey { protection: Protection::Software, labels, ..create(ALICE, id, Algorithm::Ed25519) };
        stage.world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    }
}

fn newest(stage: &mut Stage, id: &str) -> u32 {
    let name = key(ALICE, id);
    let detail = stage.world.call(ALICE, async |server, caller| server.engine.key(&caller, &name).await).unwrap();
    (1..).find(|number| detail.key.record.latest == version(id, *number).number).unwrap()
}

#[test]
fn all_keys_of_a_label_are_rotated_and_no_more_than_were_approved() {
    let mut stage = Stage::new();
    labelled(&mut stage, &["a", "b", "c"]);
    stage.approved(1, LABEL, &[]);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executed);
    assert_eq!(["a", "b", "c", "sign"].map(|id| newest(&mut stage, id)), [2, 2, 2, 1]);
    labelled(&mut stage, &["d"]);
    stage.approved(2, LABEL, &[]);
    assert_eq!(stage.execute(2).unwrap().ceremony.state(), State::Failed);
    assert_eq!(["a", "d"].map(|id| newest(&mut stage, id)), [2, 1]);
}

#[test]
fn a_tenants_key_is_done_when_nothing_is_under_the_old_one() {
    let mut stage = Stage::new();
    labelled(&mut stage, &["a"]);
    stage.approved(1, TENANT, &[]);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executing);
    finish_rewrapping(&mut stage);
    stage.pass();
    assert_eq!(stage.state(1), State::Executed);
}

fn finish_rewrapping(stage: &mut Stage) {
    for _ in 0..2 {
        stage.world.run(async |server| while server.engine.rewrap_step().await.unwrap() {});
        stage.world.site.time.advance(61_000);
    }
    stage.world.run(async |server| while server.engine.rewrap_step().await.unwrap() {});
}

/// The server ends after any number of commits, before or after an answer; started again, it goes on, and what was approved is
/// done once.
pub(crate) fn cut_everywhere(begin: fn() -> Stage, prepare: impl Fn(&mut Stage), check: impl Fn(&mut Stage, usize)) {
    let mut cuts = 0;
    loop {
        let mut stage = begin();
        prepare(&mut stage);
        let caller = stage.world.run(async |server| ALICE.call(server).await).unwrap();
        let whole = stage.world.run_cut(cuts, async |server| server.engine.execute_ceremony(&caller, 1).await);
        stage.world.restart();
        stage.world.reconcile();
        if stage.state(1) == State::Ready {
            stage.execute(1).unwrap();
        }
        stage.world.site.time.advance(200_000);
        stage.pass();
        finish_rewrapping(&mut stage);
        stage.pass();
        assert_eq!(stage.state(1), State::Executed, "cut after {cuts} commits");
        verify(&stage.transcript(1), &stage.pins()).unwrap();
        check(&mut stage, cuts);
        if whole.is_some() {
            break;
        }
        cuts += 1;
    }
    assert!(cuts >= 3, "{cuts}");
}

#[test]
fn a_rotation_that_is_cut_off_anywhere_is_brought_to_its_end_and_done_once() {
    for (act, newest_after) in [(rotate("a", 1), [2, 1]), (LABEL.to_owned(), [2, 2]), (TENANT.to_owned(), [1, 1])] {
        let prepare = |stage: &mut Stage| {
            labelled(stage, &["a", "b"]);
            stage.approved(1, &act, &[]);
        };
        cut_everywhere(Stage::new, prepare, |stage, cuts| {
            assert_eq!(["a", "b"].map(|id| newest(stage, id)), newest_after, "{act} cut after {cuts} commits");
        });
    }
}

#[test]
fn a_change_of_policy_that_is_cut_off_anywhere_comes_into_force() {
    let prepare = |stage: &mut Stage| {
        let next = policy(stage.roster.deployment(), 2);
        stage.approved(1, &format!("policy-change]\nnext = \"{}\"\n", next.hash()), &next.to_bytes());
    };
    cut_everywhere(Stage::new, prepare, |stage, _| {
        assert_eq!(rule(stage.propose_with(2, &rotate("sign", 1), &[])), "CEREMONY_OTHER_POLICY");
        stage.policy = policy(stage.roster.deployment(), 2);
        stage.propose(2, &rotate("sign", 1));
    });
}

#[test]
fn a_destruction_that_is_cut_off_anywhere_is_scheduled_once() {
    let prepare = |stage: &mut Stage| {
        stage.world.change(version("sign", 1), REVOKE).unwrap();
        let spki = stage.world.version(&version("sign", 1)).unwrap().version.record.public_key.clone().unwrap();
        stage.propose(1, &destruction(&spki));
        stage.world.sequence();
        stage.pass();
        stage.approve(1, "ben").unwrap();
        stage.approve(1, "dee").unwrap();
        stage.world.site.time.advance(DELAY_MS);
        // Uptime that nobody wrote down is lost with the server.
        stage.pass();
    };
    cut_everywhere(Stage::destroying, prepare, |stage, cuts| {
        let record = stage.world.version(&version("sign", 1)).unwrap().version.record;
        assert_eq!(record.last_sequence, 3, "registered, activated, revoked, scheduled: cut after {cuts} commits");
        assert!(record.destroy_at.is_some());
    });
}

fn destruction(spki: &[u8]) -> String {
    let hash = hex::encode(<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(spki)));
    format!("destruction]\nkey = \"tenants/acme/keys/sign\"\nversion = 1\npublic_key = \"{hash}\"\n")
}

fn row(state: &mut MemoryState, number: u64) -> &mut Row {
    let id = CeremonyRecord::row_id(number);
    state.rows.get_mut(&Collection::Ceremony).unwrap().get_mut(&id).unwrap()
}

/// Whoever can write the database puts back a row from before the veto: the ledger's leaf of the veto is still there.
#[test]
fn an_old_copy_of_a_ceremony_is_locked() {
    let mut stage = Stage::new();
    stage.approved(1, &rotate("sign", 1), &[]);
    let old = row(&mut stage.world.site.store.snapshot(), 1).clone();
    let of = stage.get(1).ceremony;
    let cancel = stage.statement(&of, "ann", Word::Cancel);
    stage.bring(1, CeremonyWord::Cancel, &cancel).unwrap();
    stage.world.site.store.tamper(|state| *row(state, 1) = old);
    stage.world.restart();
    assert_eq!(reason(stage.execute(1)), Reason::Quarantined);
    assert!(stage.world.server.alarms.is_quarantined("tenants/acme/ceremonies/1"));
    assert_eq!(newest(&mut stage, "sign"), 1);
}

/// What the policy keeps for ceremonies nobody does alone, whatever the role; and the section is not left out to switch that off.
#[test]
fn what_is_done_by_ceremonies_alone_is_refused_to_everyone() {
    let only = |deployment: &str| {
        let rules = ["rotate-key", "rotate-tenant-key", "import", "destruction"].map(|kind| {
            format!("[rules.{kind}]\napprovals = 2\norganisations = 2\nlifetime_max_s = 604800\nonly = true\n")
        });
        let file = format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n{}", rules.concat());
        CeremonyPolicy::from_toml(&file).unwrap()
    };
    let mut stage = Stage::under(only);
    let refused = |result: Result<(), Error>| assert_eq!(result.unwrap_err().by_rule(), Some("CEREMONY_ONLY"));
    let name = version("sign", 1);
    let world = &mut stage.world;
    refused(
        world.call(ALICE, async |server, caller| server.engine.rotate_key(&caller, &name.key, None).await.map(drop)),
    );
    refused(world.call(ALICE, async |server, caller| {
        server.engine.rotate_tenant_key(&caller, &ALICE.tenant()).await.map(drop)
    }));
    // Revoking never waits for anybody.
    world.change(name.clone(), REVOKE).unwrap();
    let destroy = Change::ScheduleDestroy { after_ms: DELAY_MS };
    refused(world.change(name, destroy).map(drop));
    world.site.ceremonies = None;
    assert!(world.try_restart().is_err());
    world.site.ceremonies = Some(Grounds::new(stage.roster.clone(), stage.policy.clone()).unwrap());
    stage.world.restart();
    assert_eq!(newest(&mut stage, "sign"), 1);
    // Custodians do what nobody does alone.
    stage.approved(1, &rotate("sign", 1), &[]);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executed);
    assert_eq!(newest(&mut stage, "sign"), 2);
    let secret = "import]\nkey = \"tenants/acme/keys/old\"\nalgorithm = \"hmac-sha256\"\nprotection = \"software\"\n";
    stage.approved(2, secret, &[]);
    assert_eq!(stage.execute(2).unwrap().ceremony.state(), State::Executing);
}

/// An old copy of the row of the rules: a weaker policy does not come back.
#[test]
fn an_old_policy_that_is_put_back_locks_ceremonies() {
    let mut stage = Stage::new();
    let old = stage.world.site.store.snapshot().rows[&Collection::Meta][CeremonyRules::ID].clone();
    let next = policy(stage.roster.deployment(), 2);
    stage.approved(1, &format!("policy-change]\nnext = \"{}\"\n", next.hash()), &next.to_bytes());
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executed);
    stage.world.site.store.tamper(|state| {
        state.rows.get_mut(&Collection::Meta).unwrap().insert(CeremonyRules::ID.to_owned(), old);
    });
    assert_eq!(reason(stage.propose_with(2, &rotate("sign", 1), &[])), Reason::Quarantined);
    assert!(stage.world.try_restart().is_err());
}

#[test]
fn a_changed_row_is_locked() {
    let mut stage = Stage::new();
    stage.approved(1, &rotate("sign", 1), &[]);
    stage.world.site.store.tamper(|state| {
        let mut record = CeremonyRecord::from_row(row(state, 1)).unwrap();
        record.events.pop();
        let (revision, tag) = (row(state, 1).revision, row(state, 1).tag.clone());
        *row(state, 1) = Row { tag, ..record.to_row(revision) };
    });
    stage.world.restart();
    assert_eq!(reason(stage.execute(1)), Reason::Quarantined);
}
