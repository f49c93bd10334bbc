//! A calm world with one server, for tests of use cases.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hufu_core::changeset::Collection;
use hufu_core::name::{PrincipalId, TenantId};
use hufu_core::record::{Role, VersionUid};
use hufu_engine::api::{Caller, CreateKey, Idempotency};
use hufu_journal::{Committer, JournalConfig};
use hufu_storage::MemoryStore;

use super::ambient::{SimRng, SimTime};
use super::hazards::Hazards;
use super::holders::SimHolders;
use super::outside::SimOutside;
use super::server::{Server, Site};
use super::split::SimSplit;
use super::store::SimStore;
use super::token::SimToken;

/// Someone who calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) tenant: &'static str,
    pub(crate) id: &'static str,
    pub(crate) role: Role,
    pub(crate) pin: [u8; 32],
}

impl Member {
    pub(crate) fn tenant(&self) -> TenantId {
        TenantId::parse(self.tenant).unwrap()
    }

    pub(crate) async fn register(&self, server: &Server, active: bool) -> Result<(), hufu_core::Error> {
        let id = PrincipalId::parse(self.id).unwrap();
        server.engine.register_principal(&self.tenant(), &id, self.role, active, self.pin).await
    }

    /// The caller, as the edge would know it now.
    pub(crate) async fn call(&self, server: &Server) -> Result<Caller, hufu_core::Error> {
        let deadline = server.time.deadline();
        let principal = server.engine.authenticate(&self.pin).await?;
        Ok(Caller { principal, deadline, idempotency: None })
    }
}

/// An administrator of the tenant `acme`.
pub(crate) const ALICE: Member = Member { tenant: "acme", id: "alice", role: Role::Admin, pin: [1; 32] };
/// An administrator of the tenant `globex`.
pub(crate) const BOB: Member = Member { tenant: "globex", id: "bob", role: Role::Admin, pin: [2; 32] };

/// What the logs of most worlds are called.
pub(crate) const ORIGIN: &str = "sim.example";

/// A server, what it stands on, and its committer, which runs while a use case does.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) server: Server,
    committer: Committer,
    starts: u32,
}

impl World {
    /// A first start, with Alice and Bob registered.
    pub(crate) fn new() -> Self {
        Self::on(SimToken::default())
    }

    /// The same on a token of the test's choice.
    pub(crate) fn on(token: SimToken) -> Self {
        Self::with(token, None, None, false, ORIGIN)
    }

    /// The same, whose keys in software are real ones.
    pub(crate) fn really() -> Self {
        Self::with(SimToken::default(), None, None, true, ORIGIN)
    }

    /// The same with holders beside the token.
    pub(crate) fn with_holders() -> Self {
        Self::with(SimToken::default(), Some(Arc::default()), None, false, ORIGIN)
    }

    /// The same without a token: custodians hold the root together.
    pub(crate) fn split() -> Self {
        let split = SimSplit::new(Arc::new(SimRng::new(11)));
        Self::with(SimToken::default(), None, Some(Arc::new(split)), false, ORIGIN)
    }

    /// The same as the first, whose log is called so.
    pub(crate) fn called(origin: &'static str) -> Self {
        Self::with(SimToken::default(), None, None, false, origin)
    }

    fn with(
        token: SimToken,
        holders: Option<Arc<SimHolders>>,
        split: Option<Arc<SimSplit>>,
        real_software: bool,
        origin: &'static str,
    ) -> Self {
        let hazards = Arc::new(Hazards::calm(1));
        let site = Site {
            time: Arc::new(SimTime::begin()),
            store: Arc::new(SimStore::new(MemoryStore::new(), hazards.clone(), Arc::new(()), None)),
            token: Arc::new(token),
            vault: None,
            ceremonies: None,
            holder: None,
            asked: Arc::default(),
            holders,
            split,
            outside: Arc::new(SimOutside::new(hazards.clone())),
            hazards,
            chance: Arc::new(SimRng::new(7)),
            origin,
            ahead_ms: 0,
            real_software,
            token_lies: false,
        };
        let (server, committer) = start(&site, "w1");
        let mut world = Self { site, server, committer, starts: 1 };
        for member in [ALICE, BOB] {
            world.run(async |server| server.engine.register_tenant(&member.tenant()).await).unwrap();
            world.run(async |server| member.register(server, true).await).unwrap();
        }
        world.run(async |server| server.engine.announce_start().await).unwrap();
        world
    }

    /// Ends the server without a word and starts another.
    pub(crate) fn restart(&mut self) {
        self.starts += 1;
        (self.server, self.committer) = start(&self.site, &format!("w{}", self.starts));
        let store = self.site.store.clone();
        self.run(async |server| server.configure(&store).await).unwrap();
        self.run(async |server| server.engine.announce_start().await).unwrap();
    }

    /// Starts another server; nothing if it does not start.
    pub(crate) fn try_restart(&mut self) -> Result<(), String> {
        self.starts += 1;
        let (mut committer, boot) = self.site.start(&format!("w{}", self.starts), JournalConfig::default()).split();
        let server = finish(&mut committer, boot)?;
        (self.server, self.committer) = (server, committer);
        let store = self.site.store.clone();
        self.run(async |server| server.configure(&store).await).map_err(|error| error.to_string())
    }

    /// Runs some work for so many commits and drops it there; nothing if it did not end before.
    pub(crate) fn run_cut<T>(&mut self, commits: usize, work: impl AsyncFnOnce(&Server) -> T) -> Option<T> {
        let mut context = Context::from_waker(Waker::noop());
        let mut work = pin!(work(&self.server));
        for _ in 0..commits {
            if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                return Some(done);
            }
            step(&mut self.committer);
        }
        None
    }

    /// Runs a use case to its end.
    pub(crate) fn run<T>(&mut self, work: impl AsyncFnOnce(&Server) -> T) -> T {
        finish(&mut self.committer, work(&self.server))
    }

    /// Runs a use case of a member to its end.
    pub(crate) fn call<T>(&mut self, member: Member, work: impl AsyncFnOnce(&Server, Caller) -> T) -> T {
        self.run(async |server| {
            let caller = member.call(server).await.unwrap();
            work(server, caller).await
        })
    }

    /// As [`Self::call`], with a request id.
    pub(crate) fn call_once<T>(
        &mut self,
        member: Member,
        request: Idempotency,
        work: impl AsyncFnOnce(&Server, Caller) -> T,
    ) -> T {
        self.call(member, async |server, caller| work(server, Caller { idempotency: Some(request), ..caller }).await)
    }

    /// A creation whose caller goes away when the object is on the token, and whose outcome is not committed.
    pub(crate) fn abandon_creation(&mut self, request: CreateKey) {
        let objects = self.site.token.uids().len();
        let caller = self.run(async |server| ALICE.call(server).await).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut work = pin!(self.server.engine.create_key(&caller, request));
        while self.site.token.uids().len() == objects {
            assert!(work.as_mut().poll(&mut context).is_pending());
            if self.site.token.uids().len() == objects {
                step(&mut self.committer);
            }
        }
        self.site.store.set_available(false);
        step(&mut self.committer);
        self.site.store.set_available(true);
    }

    pub(crate) fn reconcile(&mut self) {
        self.run(async |server| server.engine.reconcile_once().await).unwrap();
    }

    /// Sequences until nothing is left.
    pub(crate) fn sequence(&mut self) {
        while self.run(async |server| server.sequencer.step().await).unwrap().sequenced > 0 {}
    }

    pub(crate) fn rows(&self, collection: Collection) -> usize {
        self.site.store.snapshot().rows.get(&collection).map_or(0, std::collections::BTreeMap::len)
    }

    pub(crate) fn holds(&self, uid: VersionUid) -> bool {
        self.site.token.find(uid).is_some()
    }
}

fn start(site: &Site, writer: &str) -> (Server, Committer) {
    let (mut committer, boot) = site.start(writer, JournalConfig::default()).split();
    let server = finish(&mut committer, boot).unwrap();
    (server, committer)
}

/// Polls some work and the committer by turns.
fn finish<T>(committer: &mut Committer, work: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    let mut work = pin!(work);
    for _ in 0..100_000 {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
        step(committer);
    }
    panic!("the use case does not end");
}

/// Commits what is queued.
fn step(committer: &mut Committer) {
    let mut step = pin!(committer.step());
    while step.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
}
