//! Three holders, a requester, and somebody who carries what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hufu_core::audit::AuditEntry;
use hufu_core::record::Role;
use hufu_core::{Error, Reason};
use hufu_custodian::testing::Person;
use hufu_custodian::{Custodian, Roster};
use hufu_engine::api::{AuditFilter, GenerationMessage, GenerationMessages, HeldShare, PageRequest};
use hufu_engine::{HolderPolicy, HolderSetup, Offload, RequesterRule};
use hufu_frost::{
    Ask, Coordinator, GenerationMandate, Group, KeyVersion, Mandate, MessageDigest, Progress, PublicKey, Request,
    SetId, SignedGenerationMandate, SignedMandate, SigningPackage, Suite, Threshold, recognise,
};

use crate::common::ambient::SimRng;
use crate::common::server::Server;
use crate::common::world::{ALICE, Member, World};

pub(super) const NOW_MS: u64 = 1_700_000_000_000;
pub(super) const DEPLOYMENT: &str = "kms.example/log";
pub(super) const NAMES: [&str; 3] = ["north", "east", "south"];
pub(super) const MESSAGE: &[u8] = b"the army moves when the halves meet";

/// Whoever carries messages.
pub(super) const COURIER: Member = Member { tenant: "acme", id: "courier", role: Role::Coordinator, pin: [9; 32] };
/// An auditor of the same tenant.
pub(super) const AUDITOR: Member = Member { tenant: "acme", id: "auditor", role: Role::Auditor, pin: [8; 32] };

/// Works at once.
struct Here;

impl Offload for Here {
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Error> {
        work();
        Ok(())
    }
}

/// Holders with all that is around them.
pub(super) struct Field {
    pub(super) worlds: Vec<World>,
    pub(super) people: Vec<Arc<Person>>,
    pub(super) wallet: Person,
    /// A requester that may have no keys made.
    pub(super) reader: Person,
    pub(super) stranger: Person,
    pub(super) roster: Arc<Roster>,
    /// What came out of holders: commitments, and the nonces that made shares.
    committed: BTreeSet<(usize, Vec<u8>)>,
    spent: BTreeSet<(usize, Vec<u8>)>,
}

pub(super) fn key(version: u32) -> KeyVersion {
    KeyVersion { name: "tenants/t/keys/k".into(), version }
}

fn entry(person: &Person, role: &str) -> Custodian {
    Custodian { roles: vec![role.parse().unwrap()], ..person.custodian() }
}

impl Field {
    pub(super) fn new() -> Self {
        Self::with_chance(100)
    }

    /// One whose randomness repeats as of that number.
    pub(super) fn with_chance(seed: u64) -> Self {
        let people: Vec<_> = NAMES.iter().map(|name| Arc::new(Person::new(name, name))).collect();
        let [wallet, reader, stranger] = ["wallet", "reader", "stranger"].map(|name| Person::new(name, "shop"));
        let mut entries: Vec<_> = people.iter().map(|person| entry(person, "holder")).collect();
        entries.extend([&wallet, &reader, &stranger].map(|person| entry(person, "requester")));
        let roster = Arc::new(Roster::first(DEPLOYMENT, entries).unwrap());
        let (committed, spent) = (BTreeSet::new(), BTreeSet::new());
        let mut field = Self { worlds: Vec::new(), people, wallet, reader, stranger, roster, committed, spent };
        for at in 0..NAMES.len() {
            let world = field.begin_world(at, seed);
            field.worlds.push(world);
        }
        field
    }

    fn begin_world(&self, at: usize, seed: u64) -> World {
        let mut world = World::new();
        world.site.chance = Arc::new(SimRng::new(seed + at as u64));
        world.site.holder = Some(self.setup(at));
        world.restart();
        for member in [COURIER, AUDITOR] {
            world.run(async |server| member.register(server, true).await).unwrap();
        }
        world
    }

    pub(super) fn setup(&self, at: usize) -> HolderSetup {
        let rule = |keys: &str, may_generate| RequesterRule { keys: [keys.to_owned()].into(), may_generate };
        let requesters = [("wallet", rule("tenants/t/keys/*", true)), ("reader", rule("tenants/t/keys/k", false))];
        HolderSetup {
            name: NAMES[at].parse().unwrap(),
            deployment: DEPLOYMENT.to_owned(),
            roster: self.roster.clone(),
            identity: self.people[at].clone(),
            policy: HolderPolicy {
                mandate_lifetime_ms_max: 3_600_000,
                requesters: requesters.map(|(name, rule)| (name.parse().unwrap(), rule)).into(),
                coordinator_may_destroy: false,
            },
            offload: Arc::new(Here),
        }
    }

    pub(super) fn call<T>(&mut self, at: usize, work: impl AsyncFnOnce(&Server, hufu_engine::api::Caller) -> T) -> T {
        self.worlds[at].call(COURIER, work)
    }

    pub(super) fn restart(&mut self, at: usize) {
        self.worlds[at].restart();
    }

    pub(super) fn mandate_to_generate(&self, version: u32, suite: Suite) -> GenerationMandate {
        GenerationMandate {
            deployment: DEPLOYMENT.into(),
            key: key(version),
            suite,
            threshold: Threshold::new(2, 3).unwrap(),
            holders: NAMES.map(String::from).into(),
            expires_at_ms: NOW_MS + 600_000,
            requester: "wallet".into(),
            seed: [u8::try_from(version).unwrap(); 32],
        }
    }

    pub(super) fn begin(&mut self, at: usize, mandate: &[u8]) -> Result<GenerationMessages, Error> {
        self.call(at, async |server, caller| server.engine.begin_generation(&caller, mandate).await)
    }

    pub(super) fn go_on(
        &mut self,
        at: usize,
        set: SetId,
        messages: Vec<GenerationMessage>,
    ) -> Result<GenerationMessages, Error> {
        self.call(at, async |server, caller| server.engine.continue_generation(&caller, set.0, messages).await)
    }

    pub(super) fn finish(
        &mut self,
        at: usize,
        set: SetId,
        outcomes: Vec<GenerationMessage>,
    ) -> Result<HeldShare, Error> {
        self.call(at, async |server, caller| server.engine.finish_generation(&caller, set.0, outcomes).await)
    }

    /// Carries all rounds, as `tamper` lets each message arrive; the outcomes, or the first refusal and who gave it.
    pub(super) fn rounds(
        &mut self,
        mandate: &SignedGenerationMandate,
        mut tamper: impl FnMut(&Self, usize, GenerationMessage) -> GenerationMessage,
    ) -> Result<Vec<GenerationMessage>, (usize, Error)> {
        let set = mandate.set_id();
        let mut sent = Vec::new();
        for at in 0..NAMES.len() {
            sent.extend(self.begin(at, &mandate.to_bytes()).map_err(|error| (at, error))?.messages);
        }
        let mut outcomes = Vec::new();
        while !sent.is_empty() {
            let (over, carried): (Vec<_>, Vec<_>) = sent.into_iter().partition(|message| message.round == 4);
            outcomes.extend(over);
            sent = Vec::new();
            for at in 0..NAMES.len() {
                let number = u8::try_from(at + 1).unwrap();
                let is_for = |one: &&GenerationMessage| one.from != number && (one.to == 0 || one.to == number);
                let arriving: Vec<_> = carried.iter().filter(is_for).cloned().collect();
                let arriving: Vec<_> = arriving.into_iter().map(|message| tamper(self, at, message)).collect();
                if !arriving.is_empty() {
                    sent.extend(self.go_on(at, set, arriving).map_err(|error| (at, error))?.messages);
                }
            }
        }
        Ok(outcomes)
    }

    /// Makes a key.
    pub(super) fn generate(&mut self, version: u32, suite: Suite) -> Group {
        let mandate = signed_by(&self.wallet, self.mandate_to_generate(version, suite));
        let outcomes = self.rounds(&mandate, |_, _, message| message).unwrap();
        let finish = |at| self.finish(at, mandate.set_id(), outcomes.clone()).unwrap();
        let shares: Vec<_> = (0..NAMES.len()).map(finish).collect();
        assert!(shares.iter().all(|share| share.group == shares[0].group));
        assert_eq!(shares.iter().map(|share| share.number).collect::<Vec<_>>(), [1, 2, 3]);
        Group::from_bytes(&shares[0].group).unwrap()
    }

    pub(super) fn mandate(&self, group: &Group, version: u32) -> Mandate {
        Mandate {
            deployment: DEPLOYMENT.into(),
            key: key(version),
            message: MessageDigest::of(MESSAGE),
            seed: [1; 32],
            attempts: 8,
            expires_at_ms: NOW_MS + 60_000,
            requester: "wallet".into(),
            public_key: group.public_key_digest(),
        }
    }

    pub(super) fn commit(&mut self, at: usize, request: &[u8]) -> Result<Vec<u8>, Error> {
        let answer = self.call(at, async |server, caller| server.engine.commit_to_sign(&caller, request).await)?;
        if recognise(&answer) == Some("hufu-sign-commitment") {
            // The two points are the end of it, each behind its length.
            let points = answer[answer.len() - 66..].to_vec();
            assert!(self.committed.insert((at, points)), "a nonce was committed to twice");
        }
        Ok(answer)
    }

    pub(super) fn sign(&mut self, at: usize, package: &[u8]) -> Result<Vec<u8>, Error> {
        let answer = self.call(at, async |server, caller| server.engine.sign_share(&caller, package).await)?;
        if recognise(&answer) == Some("hufu-sign-share") {
            let package = SigningPackage::from_bytes(package).unwrap();
            let me = hufu_frost::Identifier::new(u8::try_from(at + 1).unwrap()).unwrap();
            let (hiding, binding) = package.points_of(me).unwrap();
            assert!(self.spent.insert((at, [hiding, binding].concat())), "a nonce was used in two shares");
        }
        Ok(answer)
    }

    /// How many shares have left.
    pub(super) fn shares(&self) -> usize {
        self.spent.len()
    }

    pub(super) fn deliver(&mut self, ask: &Ask) -> Result<Vec<u8>, Error> {
        let at = usize::from(ask.holder.number()) - 1;
        match &ask.request {
            Request::Commit(request) => self.commit(at, request),
            Request::Sign(package) => self.sign(at, package),
        }
    }

    /// One signature among those holders; `before` may do something to the field before a request is delivered.
    pub(super) fn signature(
        &mut self,
        group: &Group,
        mandate: SignedMandate,
        mut before: impl FnMut(&mut Self, &Ask),
    ) -> (Progress, Coordinator) {
        let live: Vec<_> = group.threshold().holders().collect();
        let begun = Coordinator::begin(group.clone(), mandate, MESSAGE.to_vec(), &live, NOW_MS);
        let (mut coordinator, mut asks) = begun.unwrap();
        while !asks.is_empty() {
            let ask = asks.remove(0);
            before(self, &ask);
            let progress = match self.deliver(&ask) {
                Ok(answer) => coordinator.answered(ask.ticket, &answer, NOW_MS),
                Err(_) => coordinator.unanswered(ask.ticket, NOW_MS),
            };
            match progress {
                Progress::Ask(more) => asks.extend(more),
                over => return (over, coordinator),
            }
        }
        panic!("nobody is asked and nothing has come out");
    }

    /// The audit trail of a holder, the newest first.
    pub(super) fn trail(&mut self, at: usize) -> Vec<AuditEntry> {
        let filter = AuditFilter {
            tenant: ALICE.tenant(),
            key: None,
            principal: None,
            action: None,
            outcome: None,
            from_ms: None,
            until_ms: None,
        };
        let page = || PageRequest { size: 1_000, token: String::new() };
        let listed = self.worlds[at]
            .call(AUDITOR, async |server, caller| server.engine.list_audit(&caller, &filter, page()).await);
        listed.unwrap().items.into_iter().map(|item| item.entry).collect()
    }
}

pub(super) fn signed_by(person: &Person, mandate: GenerationMandate) -> SignedGenerationMandate {
    let signature = person.sign(mandate.to_be_signed().unwrap()).signature;
    SignedGenerationMandate::new(mandate, signature).unwrap()
}

pub(super) fn allowed_by(person: &Person, mandate: Mandate) -> SignedMandate {
    let signature = person.sign(mandate.to_be_signed().unwrap()).signature;
    SignedMandate::new(mandate, signature).unwrap()
}

/// Reason and rule.
pub(super) fn rule<T: std::fmt::Debug>(result: Result<T, Error>) -> (Reason, Option<&'static str>) {
    let error = result.unwrap_err();
    (error.reason(), error.by_rule())
}

/// Whether implementations that share nothing with FROST take the signature.
pub(super) fn foreign_verifies(group: &Group, signature: &[u8]) -> bool {
    match group.public_key() {
        PublicKey::Ed25519 { spki } => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(spki[12..].try_into().unwrap()).unwrap();
            let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
            key.verify_strict(MESSAGE, &signature).is_ok()
        }
        PublicKey::Bip340 { x_only, .. } => {
            let key = k256::schnorr::VerifyingKey::from_bytes((&x_only).into()).unwrap();
            key.verify_raw(MESSAGE, &k256::schnorr::Signature::try_from(signature).unwrap()).is_ok()
        }
    }
}

/// Rows of a collection in a holder's database.
pub(super) fn rows(world: &World) -> BTreeMap<&'static str, usize> {
    use hufu_core::changeset::Collection;
    [("shares", Collection::HolderShare), ("sessions", Collection::HolderSession)]
        .map(|(name, collection)| (name, world.rows(collection)))
        .into()
}
