//! Deposits and share sets: what is taken, what is refused, who sees it, and that nothing which is kept helps fewer than enough people.

use hufu_core::changeset::{Collection, Row};
use hufu_core::name::{DepositName, ShareSetName};
use hufu_core::record::{Record as _, Role, ShareSetRecord};
use hufu_core::{Error, Reason};
use hufu_custodian::testing::Person;
use hufu_custodian::{Name, Roster, VerifyingKey};
use hufu_engine::api::{CreateDeposit, DepositView, FetchShare, Idempotency, PageRequest, ShareSetView};
use hufu_secret::SecretBytes;
use hufu_shares::{Curve, Dealt, Gathering, Share, SignedManifest, Subject, Terms, combine, deal, deal_scalar};

use crate::ceremonies::{DELAY_MS, Stage};
use crate::common::server::Server;
use crate::common::world::{ALICE, BOB, Member};
use crate::requests::reason;

/// An application of the tenant `acme`.
pub(crate) const APP: Member = Member { tenant: "acme", id: "app", role: Role::Application, pin: [3; 32] };
/// An operator of the tenant `acme`.
const OPERATOR: Member = Member { tenant: "acme", id: "operator", role: Role::Operator, pin: [4; 32] };

fn stage() -> Stage {
    let mut stage = Stage::new();
    for member in [APP, OPERATOR] {
        stage.world.run(async |server| member.register(server, true).await).unwrap();
    }
    stage
}

fn name(deposit: &str) -> DepositName {
    format!("tenants/acme/deposits/{deposit}").parse().unwrap()
}

/// What a dealing may differ in.
pub(crate) struct How {
    pub(crate) subject: Subject,
    pub(crate) threshold: u8,
    pub(crate) holders: Vec<Name>,
    pub(crate) roster: Roster,
    pub(crate) dealer: VerifyingKey,
    pub(crate) now_ms: u64,
    pub(crate) curve: Option<Curve>,
}

impl How {
    pub(crate) fn new(stage: &mut Stage, deposit: &str) -> Self {
        let tenant = ALICE.tenant();
        let terms = stage.world.call(APP, async |server, caller| server.engine.deposit_terms(&caller, &tenant).await);
        let terms = terms.unwrap();
        assert_eq!(terms.threshold_min, 2);
        Self {
            subject: Subject { name: name(deposit).to_string(), public_key: None },
            threshold: 2,
            holders: stage.people.iter().take(3).map(Person::name).collect(),
            roster: Roster::from_bytes(&terms.roster).unwrap(),
            dealer: VerifyingKey::from_spki(&terms.dealer).unwrap(),
            now_ms: terms.now_ms,
            curve: None,
        }
    }

    pub(crate) fn deal(&self, stage: &Stage, secret: &SecretBytes) -> Dealt {
        let terms = Terms {
            subject: &self.subject,
            threshold: self.threshold,
            holders: &self.holders,
            roster: &self.roster,
            dealer: &self.dealer,
            now_ms: self.now_ms,
            after: None,
        };
        let rng = stage.world.site.chance.as_ref();
        self.curve.map_or_else(|| deal(&terms, secret, rng), |curve| deal_scalar(&terms, curve, secret, rng)).unwrap()
    }
}

fn secret() -> SecretBytes {
    SecretBytes::from_slice(b"a key that an application has made")
}

pub(crate) fn create(stage: &mut Stage, who: Member, deposit: &str, dealt: &Dealt) -> Result<DepositView, Error> {
    let request = CreateDeposit { tenant: ALICE.tenant(), deposit: deposit.to_owned(), dealt: dealt.to_bytes() };
    stage.world.call(who, async |server, caller| server.engine.create_deposit(&caller, request).await)
}

/// A deposit of two of three, and the name of its set.
fn deposited(stage: &mut Stage, deposit: &str) -> (DepositView, ShareSetName) {
    let dealt = How::new(stage, deposit).deal(stage, &secret());
    let view = create(stage, APP, deposit, &dealt).unwrap();
    let set = ShareSetName { tenant: ALICE.tenant(), set: view.set };
    (view, set)
}

fn fetch(stage: &mut Stage, who: Member, set: &ShareSetName, of: &str, epoch: Option<u32>) -> Result<Share, Error> {
    let request = FetchShare { set: set.clone(), custodian: of.to_owned(), epoch };
    stage.world.call(who, async |server, caller| server.engine.fetch_share(&caller, &request).await)
}

fn confirm(stage: &mut Stage, set: &ShareSetName, statement: &[u8]) -> Result<ShareSetView, Error> {
    stage.world.call(OPERATOR, async |server, caller| server.engine.confirm_share(&caller, set, statement).await)
}

fn refused(result: Result<DepositView, Error>, what: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.reason(), Reason::ShareRefused, "{error:?}");
    assert!(error.message().contains(what), "{}", error.message());
}

#[test]
fn a_deposited_key_is_in_the_hands_of_its_custodians_and_nowhere_else() {
    let mut stage = stage();
    let (view, set) = deposited(&mut stage, "payroll");
    assert_eq!(view.name, name("payroll"));
    let signed = SignedManifest::from_bytes(&view.manifest).unwrap();
    let dealer = How::new(&mut stage, "x").dealer;
    let manifest = signed.verify(&dealer).unwrap().clone();
    assert_eq!((manifest.threshold(), manifest.seats().len(), manifest.epoch()), (2, 3, 1));

    // A restart finds the same.
    stage.world.restart();
    let mut gathering = Gathering::new(&signed, &signed.digest()).unwrap();
    for (index, who) in (1..).zip(["ann", "ben"]) {
        let share = fetch(&mut stage, OPERATOR, &set, who, None).unwrap();
        assert_eq!(share.index(), index);
        let opened = share.open(&dealer, stage.person(who)).unwrap();
        let statement = stage.person(who).sign(opened.confirm().to_bytes()).to_bytes();
        for _ in 0..2 {
            let told = confirm(&mut stage, &set, &statement).unwrap();
            assert_eq!(told.current.confirmed().len(), usize::from(index));
        }
        gathering.add(opened).unwrap();
    }
    assert_eq!(gathering.combine().unwrap(), secret());
    // Each has its leaf, and the log goes on.
    stage.world.sequence();
}

#[test]
fn terms_that_are_otherwise_are_refused_by_name() {
    let mut stage = stage();
    let how = How::new(&mut stage, "payroll");
    let good = How::new(&mut stage, "payroll");
    let mut attempt = |how: How, what: &str| {
        let dealt = how.deal(&stage, &secret());
        refused(create(&mut stage, APP, "payroll", &dealt), what);
    };
    let others = Roster::first(how.roster.deployment(), vec![Person::new("mal", "north").custodian()]).unwrap();
    let mal = others.custodians()[0].name.clone();
    let base = |how: &How| How {
        subject: how.subject.clone(),
        threshold: how.threshold,
        holders: how.holders.clone(),
        roster: how.roster.clone(),
        dealer: how.dealer.clone(),
        now_ms: how.now_ms,
        curve: how.curve,
    };
    attempt(How { threshold: 1, ..base(&how) }, "the threshold is at least 2");
    attempt(How { dealer: Person::new("mal", "north").custodian().signing, ..base(&how) }, "the dealer");
    attempt(How { roster: others, holders: vec![mal], threshold: 1, ..base(&how) }, "the threshold is at least 2");
    // The same names under keys of someone else.
    let keys = |person: &Person| Person::new(person.name().as_str(), "north").custodian();
    let impostors = Roster::first(how.roster.deployment(), PEOPLE.map(|of| keys(&Person::new(of, "north"))).to_vec());
    attempt(How { roster: impostors.unwrap(), ..base(&how) }, "the roster");
    attempt(How { now_ms: how.now_ms - 3_700_000, ..base(&how) }, "the time");
    attempt(
        How { subject: Subject { public_key: Some([1; 32]), ..how.subject.clone() }, ..base(&how) },
        "public key",
    );
    let other = Subject { name: name("other").to_string(), public_key: None };
    attempt(How { subject: other, ..base(&how) }, "not as `tenants/acme/deposits/payroll`");
    let foreign = Subject { name: "tenants/globex/deposits/payroll".to_owned(), public_key: None };
    attempt(How { subject: foreign, ..base(&how) }, "not as `tenants/acme/deposits/payroll`");
    // A second epoch is no deposit.
    let dealt = good.deal(&stage, &secret());
    let first = create(&mut stage, APP, "payroll", &dealt).unwrap();
    assert_eq!(reason(create(&mut stage, APP, "payroll", &dealt)), Reason::AlreadyExists);
    let before = SignedManifest::from_bytes(&first.manifest).unwrap();
    let terms = Terms {
        subject: &good.subject,
        threshold: 2,
        holders: &good.holders,
        roster: &good.roster,
        dealer: &good.dealer,
        // It comes when the delay is over.
        now_ms: good.now_ms + 2 * DELAY_MS,
        after: Some(before.unverified()),
    };
    let second = deal(&terms, &secret(), stage.world.site.chance.as_ref()).unwrap();
    let delete = async |server: &Server, caller| server.engine.delete_deposit(&caller, &name("payroll")).await;
    stage.world.call(ALICE, delete).unwrap();
    wait_out(&mut stage);
    refused(create(&mut stage, APP, "payroll", &second), "the epoch");
}

/// The delay of destructions goes by.
fn wait_out(stage: &mut Stage) {
    stage.world.reconcile();
    stage.world.site.time.advance(2 * DELAY_MS);
    stage.world.reconcile();
}

fn schedule(stage: &mut Stage, who: Member, back: bool) -> Result<Option<u64>, Error> {
    let name = name("payroll");
    let call = async |server: &Server, caller| match back {
        true => server.engine.cancel_delete_deposit(&caller, &name).await.map(|view| view.delete_at),
        false => server.engine.delete_deposit(&caller, &name).await,
    };
    stage.world.call(who, call)
}

#[test]
fn a_deposit_is_given_up_after_a_delay_in_which_it_can_be_taken_back() {
    let mut stage = stage();
    let (_, set) = deposited(&mut stage, "payroll");
    assert_eq!(schedule(&mut stage, ALICE, true).unwrap_err().reason(), Reason::WrongState);
    assert_eq!(schedule(&mut stage, APP, false).unwrap_err().reason(), Reason::PermissionDenied);
    let at = schedule(&mut stage, ALICE, false).unwrap().unwrap();
    let scheduled = stage.world.site.store.snapshot().rows[&Collection::Deposit].clone();
    stage.world.site.time.advance(10);
    assert_eq!(schedule(&mut stage, ALICE, false).unwrap(), Some(at), "again changes nothing");
    stage.world.reconcile();
    fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap();
    assert_eq!(schedule(&mut stage, APP, true).unwrap_err().reason(), Reason::PermissionDenied);
    assert_eq!(schedule(&mut stage, ALICE, true).unwrap(), None);
    wait_out(&mut stage);
    fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap();
    // Whoever puts the row back from before it was taken back gives nothing up: the ledger has gone on.
    stage.world.site.store.tamper(|state| drop(state.rows.insert(Collection::Deposit, scheduled)));
    wait_out(&mut stage);
    fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap();
    assert_eq!(stage.world.rows(Collection::Deposit), 1);
    // A clock that was set forward while no server ran is no delay.
    schedule(&mut stage, ALICE, false).unwrap().unwrap();
    stage.world.site.ahead_ms = 3 * DELAY_MS;
    stage.world.restart();
    stage.world.reconcile();
    fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap();
    wait_out(&mut stage);
    assert_eq!((stage.world.rows(Collection::Deposit), stage.world.rows(Collection::ShareSet)), (0, 0));
    assert_eq!(schedule(&mut stage, ALICE, true).unwrap_err().reason(), Reason::DepositNotFound);
    stage.world.sequence();
}

#[test]
fn where_ceremonies_alone_destroy_one_of_them_gives_a_deposit_up() {
    let mut stage = Stage::under(|deployment| {
        let rule = "approvals = 2\norganisations = 2\nlifetime_max_s = 604800\nonly = true\n";
        let file = format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n[rules.destruction]\n{rule}");
        hufu_ceremony::CeremonyPolicy::from_toml(&file).unwrap()
    });
    for member in [APP, OPERATOR] {
        stage.world.run(async |server| member.register(server, true).await).unwrap();
    }
    let (_, set) = deposited(&mut stage, "payroll");
    assert_eq!(schedule(&mut stage, ALICE, false).unwrap_err().by_rule(), Some("CEREMONY_ONLY"));
    let act = "destruction]\nkey = \"tenants/acme/deposits/payroll\"\nversion = 1\n";
    let mut refused = |from: &str, to: &str| reason(stage.propose_with(1, &act.replace(from, to), &[]));
    assert_eq!(refused("version = 1", "version = 2"), Reason::WrongState);
    assert_eq!(refused("payroll", "other"), Reason::DepositNotFound);
    assert_eq!(refused("acme", "globex"), Reason::PermissionDenied);
    stage.approved(1, act, &[]);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), hufu_ceremony::State::Executed);
    fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap();
    wait_out(&mut stage);
    assert_eq!(fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap_err().reason(), Reason::ShareSetNotFound);
}

const PEOPLE: [&str; 5] = ["ann", "ben", "cho", "dee", "eve"];

#[test]
fn bytes_that_are_no_dealing_are_refused() {
    let mut stage = stage();
    for dealt in [Vec::new(), vec![0x83; 40], vec![0; 400 << 10]] {
        let request = CreateDeposit { tenant: ALICE.tenant(), deposit: "payroll".to_owned(), dealt };
        let told = stage.world.call(APP, async |server, caller| server.engine.create_deposit(&caller, request).await);
        assert_eq!(told.unwrap_err().reason(), Reason::InvalidArgument);
    }
}

#[test]
fn a_repeated_deposit_is_answered_and_not_made_again() {
    let mut stage = stage();
    let dealt = How::new(&mut stage, "payroll").deal(&stage, &secret());
    let id = Idempotency { method: "CreateDeposit", request_id: [9; 16], body: [1; 32] };
    let mut told = Vec::new();
    for _ in 0..2 {
        let request =
            CreateDeposit { tenant: ALICE.tenant(), deposit: "payroll".to_owned(), dealt: dealt.to_bytes() };
        let call = async |server: &Server, caller| server.engine.create_deposit(&caller, request).await;
        told.push(stage.world.call_once(APP, id, call).unwrap());
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(stage.world.rows(Collection::Deposit), 1);
}

#[test]
fn an_end_at_any_commit_leaves_a_whole_deposit_or_none() {
    let mut stage = stage();
    let dealt = How::new(&mut stage, "payroll").deal(&stage, &secret());
    for commits in 0..4 {
        let request =
            CreateDeposit { tenant: ALICE.tenant(), deposit: "payroll".to_owned(), dealt: dealt.to_bytes() };
        let caller = stage.world.run(async |server| APP.call(server).await).unwrap();
        let work = async |server: &Server| server.engine.create_deposit(&caller, request).await;
        let ended = stage.world.run_cut(commits, work);
        stage.world.restart();
        let rows = (stage.world.rows(Collection::Deposit), stage.world.rows(Collection::ShareSet));
        assert!([(0, 0), (1, 2)].contains(&rows), "{rows:?}");
        if ended.is_some() {
            return assert_eq!(rows, (1, 2));
        }
    }
    panic!("a deposit takes no more than three commits");
}

#[test]
fn other_tenants_and_other_roles_see_and_do_nothing() {
    let mut stage = stage();
    let (_, set) = deposited(&mut stage, "payroll");
    let read = async |server: &Server, caller| server.engine.read_deposit(&caller, &name("payroll")).await;
    assert_eq!(reason(stage.world.call(BOB, read)), Reason::PermissionDenied);
    let read = async |server: &Server, caller| server.engine.read_share_set(&caller, &set).await;
    assert_eq!(stage.world.call(BOB, read).unwrap_err().reason(), Reason::PermissionDenied);
    // Under the own tenant's name it is not there.
    let own = ShareSetName { tenant: BOB.tenant(), set: set.set };
    let read = async |server: &Server, caller| server.engine.read_share_set(&caller, &own).await;
    assert_eq!(stage.world.call(BOB, read).unwrap_err().reason(), Reason::ShareSetNotFound);
    assert_eq!(fetch(&mut stage, BOB, &own, "ann", None).unwrap_err().reason(), Reason::ShareSetNotFound);
    assert_eq!(fetch(&mut stage, BOB, &set, "ann", None).unwrap_err().reason(), Reason::PermissionDenied);
    assert_eq!(fetch(&mut stage, APP, &set, "ann", None).unwrap_err().reason(), Reason::PermissionDenied);
    let delete = async |server: &Server, caller| server.engine.delete_deposit(&caller, &name("payroll")).await;
    assert_eq!(stage.world.call(APP, delete).unwrap_err().reason(), Reason::PermissionDenied);
    let dealt = How::new(&mut stage, "mine").deal(&stage, &secret());
    assert_eq!(reason(create(&mut stage, OPERATOR, "mine", &dealt)), Reason::PermissionDenied);

    let list = async |server: &Server, caller| {
        server.engine.list_share_sets(&caller, &ALICE.tenant(), &PageRequest::default()).await
    };
    assert_eq!(stage.world.call(OPERATOR, list).unwrap().items.len(), 1);
    assert_eq!(stage.world.call(BOB, list).unwrap_err().reason(), Reason::PermissionDenied);
    // Someone without a share, a dead name, an epoch that is not there.
    for (who, epoch) in [("dee", None), ("nobody", None), ("ann", Some(2)), ("ann", Some(0))] {
        assert_eq!(fetch(&mut stage, OPERATOR, &set, who, epoch).unwrap_err().reason(), Reason::ShareSetNotFound);
    }
}

#[test]
fn confirmations_count_for_their_own_custodian_epoch_and_set() {
    let mut stage = stage();
    let (_, set) = deposited(&mut stage, "payroll");
    let (_, other) = deposited(&mut stage, "other");
    let dealer = How::new(&mut stage, "x").dealer;
    let opened = |stage: &mut Stage, set: &ShareSetName, who: &str| {
        let share = fetch(stage, OPERATOR, set, who, None).unwrap();
        share.open(&dealer, stage.person(who)).unwrap().confirm().to_bytes()
    };
    let of_ann = opened(&mut stage, &set, "ann");
    let elsewhere = opened(&mut stage, &other, "ann");
    let forged = Person::new("ann", "north").sign(of_ann.clone()).to_bytes();
    let by_ben = stage.person("ben").sign(of_ann.clone()).to_bytes();
    let of_other = stage.person("ann").sign(elsewhere).to_bytes();
    for wrong in [forged, by_ben, of_other] {
        assert_eq!(confirm(&mut stage, &set, &wrong).unwrap_err().reason(), Reason::ShareRefused);
    }
    assert_eq!(confirm(&mut stage, &set, &of_ann).unwrap_err().reason(), Reason::InvalidArgument);
    let good = stage.person("ann").sign(of_ann).to_bytes();
    let told = confirm(&mut stage, &set, &good).unwrap();
    assert_eq!(told.current.confirmed(), [stage.person("ann").name()]);
}

#[test]
fn a_deposit_that_is_given_up_is_gone_and_its_rows_do_not_come_back() {
    let mut stage = stage();
    let (_, set) = deposited(&mut stage, "payroll");
    let before = stage.world.site.store.snapshot().rows;
    let delete = async |server: &Server, caller| server.engine.delete_deposit(&caller, &name("payroll")).await;
    stage.world.call(ALICE, delete).unwrap();
    assert_eq!((stage.world.rows(Collection::Deposit), stage.world.rows(Collection::ShareSet)), (1, 2));
    wait_out(&mut stage);
    assert_eq!((stage.world.rows(Collection::Deposit), stage.world.rows(Collection::ShareSet)), (0, 0));
    assert_eq!(fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap_err().reason(), Reason::ShareSetNotFound);
    let again = async |server: &Server, caller| server.engine.delete_deposit(&caller, &name("payroll")).await;
    assert_eq!(stage.world.call(ALICE, again).unwrap_err().reason(), Reason::DepositNotFound);

    // Whoever can write the database puts the rows back: the ledger has gone on.
    stage.world.site.store.tamper(|state| {
        for collection in [Collection::Deposit, Collection::ShareSet] {
            state.rows.insert(collection, before.get(&collection).cloned().unwrap_or_default());
        }
    });
    assert_eq!(fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap_err().reason(), Reason::Quarantined);
    let read = async |server: &Server, caller| server.engine.read_deposit(&caller, &name("payroll")).await;
    assert_eq!(reason(stage.world.call(ALICE, read)), Reason::Quarantined);
}

#[test]
fn a_changed_row_is_locked() {
    let mut stage = stage();
    let (_, set) = deposited(&mut stage, "payroll");
    let row: Row = stage.world.site.store.snapshot().rows[&Collection::ShareSet][&set.set.to_string()].clone();
    let mut record = ShareSetRecord::from_row(&row).unwrap();
    record.tenant = BOB.tenant();
    let changed = Row { body: record.to_row(row.revision).body, scope: record.scope(), ..row };
    stage.world.site.store.tamper(|state| {
        state.rows.get_mut(&Collection::ShareSet).unwrap().insert(changed.id.clone(), changed);
    });
    assert_eq!(fetch(&mut stage, OPERATOR, &set, "ann", None).unwrap_err().reason(), Reason::Quarantined);
}

#[test]
fn what_the_service_keeps_helps_nobody_but_enough_custodians() {
    for (threshold, count, curve) in
        [(2, 2, None), (2, 3, None), (3, 5, None), (2, 3, Some(Curve::P256)), (4, 5, Some(Curve::Sm2))]
    {
        let mut stage = stage();
        let mut secret = SecretBytes::zeroed(32);
        hufu_core::ambient::Rng::fill(stage.world.site.chance.as_ref(), secret.expose_mut()).unwrap();
        secret.expose_mut()[0] &= 0x7f;
        let how = How::new(&mut stage, "payroll");
        let holders: Vec<Name> = stage.people.iter().take(count).map(Person::name).collect();
        let how = How { threshold, holders, curve, ..how };
        let dealt = how.deal(&stage, &secret);
        let view = create(&mut stage, APP, "payroll", &dealt).unwrap();
        stage.world.sequence();

        let state = stage.world.site.store.snapshot();
        let rows = state.rows.values().flat_map(|rows| rows.values());
        let kept: Vec<&[u8]> = rows.map(|row| row.body.as_slice()).collect();
        assert!(kept.len() > 10);
        for bytes in &kept {
            assert!(!bytes.windows(32).any(|window| window == secret.expose()), "the secret is in a row");
            assert!(!bytes.windows(16).any(|window| window == &secret.expose()[..16]), "half of it is");
        }
        // Too few, with all that is kept, and with everyone's shares as files: each opens its own alone, and they do not suffice.
        let set = ShareSetName { tenant: ALICE.tenant(), set: view.set };
        let shares: Vec<Share> =
            how.holders.iter().map(|who| fetch(&mut stage, OPERATOR, &set, who.as_str(), None).unwrap()).collect();
        let signed = SignedManifest::from_bytes(&view.manifest).unwrap();
        let mut too_few = Vec::new();
        for person in stage.people.iter().take(usize::from(threshold) - 1) {
            too_few.extend(shares.iter().filter_map(|share| share.open(&how.dealer, person).ok()));
        }
        assert_eq!(too_few.len(), usize::from(threshold) - 1);
        assert!(combine(&signed, &signed.digest(), too_few).is_err());
        let enough = stage.people.iter().take(usize::from(threshold)).zip(&shares);
        let enough: Vec<_> = enough.map(|(person, share)| share.open(&how.dealer, person).unwrap()).collect();
        assert_eq!(combine(&signed, &signed.digest(), enough).unwrap(), secret);
    }
}
