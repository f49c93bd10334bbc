//! One story: servers, clients, failures and crashes in an order that the seed decides, then calm, then the verdict.

mod rest;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hufu_core::BoxFuture;
use hufu_journal::JournalConfig;
use hufu_storage::{MemoryState, MemoryStore};
use tokio::runtime::{Builder, Runtime};

use crate::client::{Client, MEMBERS, Pending};
use crate::common::ambient::{SimRng, SimTime};
use crate::common::hazards::{Hazards, pause};
use crate::common::outside::SimOutside;
use crate::common::server::{Server, Site};
use crate::common::store::{Mutation, SimStore};
use crate::common::token::SimToken;
use crate::oracle::{Coverage, Oracle};
use crate::request::Call;

/// Clients at once.
const CLIENTS: usize = 6;
/// Parts of a server that are polled: the committer four times as often as reconciler and sequencer.
const PARTS: usize = 6;

/// What a story is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Servers on one database.
    pub(crate) servers: usize,
    /// Turns of the scheduler before the calm.
    pub(crate) turns: u32,
    /// The promise that this world breaks.
    pub(crate) mutation: Option<Mutation>,
}

/// What became of a story in which no rule was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ending {
    pub(crate) coverage: Coverage,
    pub(crate) digest: Vec<[u8; 32]>,
}

impl Plan {
    /// Tells the story.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub(crate) fn tell(self) -> Result<Ending, String> {
        let mut story = Story::begin(self);
        story.first_start()?;
        story.site.hazards.set(true);
        for _ in 0..self.turns {
            story.turn();
            story.verdict()?;
        }
        story.rest()?;
        story.judge()?;
        Ok(Ending { coverage: story.oracle.coverage(), digest: story.oracle.digest() })
    }
}

type Task = BoxFuture<'static, ()>;

/// One of the servers: starting, running or about to be started again.
#[derive(Default)]
struct Slot {
    committer: Option<Task>,
    boot: Option<BoxFuture<'static, Result<Server, String>>>,
    server: Option<Arc<Server>>,
    reconciler: Option<Task>,
    sequencer: Option<Task>,
}

struct Story {
    plan: Plan,
    chance: Arc<SimRng>,
    site: Site,
    oracle: Arc<Oracle>,
    slots: Vec<Slot>,
    clients: Vec<Client>,
    calls: u64,
    starts: u32,
    /// Whether there has been a first start: two at once would each make a root key.
    founded: bool,
    /// Whether clients ask for more.
    open: bool,
    available: bool,
    /// What a disk that forgets goes back to.
    earlier: MemoryState,
    runtime: Runtime,
}

impl Story {
    fn begin(plan: Plan) -> Self {
        let chance = Arc::new(SimRng::new(plan.seed));
        let hazards = Arc::new(Hazards::calm(chance.next()));
        let token = Arc::new(SimToken::default());
        let oracle = Arc::new(Oracle::new(token.clone(), plan.servers > 1));
        token.watch(oracle.clone());
        let site = Site {
            time: Arc::new(SimTime::begin()),
            store: store(MemoryState::default(), plan, &hazards, &oracle),
            token,
            vault: None,
            ceremonies: None,
            holder: None,
            asked: Arc::default(),
            holders: None,
            split: None,
            outside: Arc::new(SimOutside::new(hazards.clone())),
            hazards,
            chance: Arc::new(SimRng::new(chance.next())),
            ahead_ms: 0,
            real_software: false,
            origin: "sim.example",
            token_lies: plan.mutation == Some(Mutation::KeepObjects),
        };
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        Self {
            slots: (0..plan.servers).map(|_| Slot::default()).collect(),
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            earlier: site.store.snapshot(),
            plan,
            chance,
            site,
            oracle,
            calls: 0,
            starts: 0,
            founded: false,
            open: false,
            available: true,
            runtime,
        }
    }

    /// Everything is there for the first time, undisturbed; the members are registered.
    fn first_start(&mut self) -> Result<(), String> {
        self.start(0);
        let server = self.poll_until("the first start", |story| story.slots[0].server.clone())?;
        self.finish(async move {
            for member in MEMBERS {
                server.engine.register_tenant(&member.tenant()).await.unwrap();
                member.register(&server, true).await.unwrap();
            }
        })?;
        (self.founded, self.open) = (true, true);
        Ok(())
    }

    fn turn(&mut self) {
        match self.chance.below(10_000) {
            0..=9 => {
                let slot = self.chance.index(self.slots.len());
                self.crash(slot);
            }
            10..=319 => self.pass(1 + self.chance.below(20)),
            320..=419 => self.pass(100 + self.chance.below(2_000)),
            420..=424 => self.pass(10_000 + self.chance.below(120_000)),
            425..=439 => {
                self.available = !self.available;
                self.site.store.set_available(self.available);
            }
            440..=489 => self.hang_up(),
            490..=499 => self.switch_member(),
            _ => self.poll_any(),
        }
        if !self.available && self.chance.chance(300) {
            self.available = true;
            self.site.store.set_available(true);
        }
        if self.plan.mutation == Some(Mutation::LoseTail) && self.chance.chance(100) {
            self.earlier = self.site.store.snapshot();
        }
    }

    /// Time passes for everyone.
    fn pass(&mut self, ms: u64) {
        self.site.time.advance(ms);
        self.runtime.block_on(tokio::time::advance(Duration::from_millis(ms)));
    }

    /// A server ends at whatever await it is, with every call to it.
    fn crash(&mut self, slot: usize) {
        self.slots[slot] = Slot::default();
        for client in &mut self.clients {
            client.pending.take_if(|pending| pending.server == slot);
        }
        self.oracle.crashed();
        if self.plan.servers > 1 {
            return;
        }
        let lost = self.plan.mutation == Some(Mutation::LoseTail);
        let survived = if lost { self.earlier.clone() } else { self.site.store.snapshot() };
        self.oracle.compare(&survived);
        self.site.store = store(survived, self.plan, &self.site.hazards, &self.oracle);
        self.available = true;
    }

    fn start(&mut self, slot: usize) {
        self.starts += 1;
        let ahead_ms = 1_000 * slot as u64;
        let site = Site { ahead_ms, ..self.site.clone() };
        let config = JournalConfig { slots_max: 64, group_max: 8, ..JournalConfig::default() };
        let (mut committer, boot) = site.start(&format!("w{:04}", self.starts), config).split();
        let store = self.site.store.clone();
        let chance = self.site.chance.clone();
        self.slots[slot].committer = Some(Box::pin(async move {
            loop {
                if !committer.step().await && chance.chance(2_000) {
                    committer.poll().await;
                }
                pause(1).await;
            }
        }));
        self.slots[slot].boot = Some(Box::pin(async move {
            let server = boot.await?;
            server.sequencer.start().await.map_err(|error| error.to_string())?;
            server.configure(&store).await.map_err(|error| error.to_string())?;
            server.engine.announce_start().await.map_err(|error| error.to_string())?;
            server.engine.reconcile_once().await.map_err(|error| error.to_string())?;
            Ok(server)
        }));
    }

    /// A client no longer waits.
    fn hang_up(&mut self) {
        let client = self.chance.index(self.clients.len());
        self.clients[client].pending = None;
    }

    /// An operator locks a member out, or lets it in again.
    fn switch_member(&mut self) {
        let slot = self.chance.index(self.slots.len());
        let Some(server) = self.slots[slot].server.clone() else { return };
        let member = self.chance.pick(&MEMBERS);
        let active = self.chance.chance(8_000);
        // It runs in place of the reconciler, which then begins anew.
        self.slots[slot].reconciler = Some(Box::pin(async move {
            drop(member.register(&server, active).await);
        }));
    }

    fn poll_any(&mut self) {
        let parts = self.slots.len() * PARTS;
        let turn = self.chance.index(parts + self.clients.len());
        match turn.checked_sub(parts) {
            Some(client) => self.poll_client(client),
            None => self.poll_slot(turn / PARTS, turn % PARTS),
        }
    }

    fn poll_slot(&mut self, slot: usize, part: usize) {
        if self.slots[slot].committer.is_none() {
            if slot == 0 || self.founded {
                self.start(slot);
            }
            return;
        }
        let _guard = self.runtime.enter();
        let Slot { committer, boot, server, reconciler, sequencer } = &mut self.slots[slot];
        match (part, server.clone()) {
            (0..=3, _) => drop(committer.as_mut().map(poll_once)),
            (_, None) => match boot.as_mut().map(poll_once) {
                Some(Poll::Ready(Ok(booted))) => *server = Some(Arc::new(booted)),
                // Whatever supervises it starts it again.
                Some(Poll::Ready(Err(_))) => self.slots[slot] = Slot::default(),
                _ => {}
            },
            (4, Some(server)) => poll_again(reconciler, || reconcile(server, self.chance.clone())),
            (_, Some(server)) => {
                let (chance, oracle) = (self.chance.clone(), self.oracle.clone());
                poll_again(sequencer, || sequence(server, chance, oracle, self.open));
            }
        }
    }

    fn poll_client(&mut self, client: usize) {
        let _guard = self.runtime.enter();
        // The same request once more, on another connection, while the first is under way.
        let other = self.chance.index(self.clients.len());
        let repeated = self.clients[other].pending.as_ref().map(|pending| pending.call.clone());
        let impatient = repeated.filter(|call| call.request_id.is_some() && self.chance.chance(2_000));
        let client = &mut self.clients[client];
        match &mut client.pending {
            Some(pending) => {
                if let Poll::Ready(answer) = poll_once(&mut pending.future) {
                    self.oracle.answered(&pending.call, &answer);
                    client.pending = None;
                }
            }
            None if self.open => {
                let slot = self.chance.index(self.slots.len());
                let Some(server) = self.slots[slot].server.clone() else { return };
                self.calls += 1;
                let call = match &impatient {
                    Some(call) => Call { number: self.calls, ..call.clone() },
                    None => client.next(self.calls, &self.chance, &self.oracle),
                };
                self.oracle.called(&call);
                let future = call.clone().perform(server);
                client.pending = Some(Pending { call, server: slot, future });
            }
            None => {}
        }
    }

    fn verdict(&self) -> Result<(), String> {
        self.oracle.violation().map_or(Ok(()), Err)
    }
}

fn store(state: MemoryState, plan: Plan, hazards: &Arc<Hazards>, oracle: &Arc<Oracle>) -> Arc<SimStore> {
    let inner = MemoryStore::from_state(state);
    let inner = if plan.servers > 1 { inner.shared() } else { inner };
    Arc::new(SimStore::new(inner, hazards.clone(), oracle.clone(), plan.mutation))
}

/// One run of the reconciler, now and then with an inventory.
fn reconcile(server: Arc<Server>, chance: Arc<SimRng>) -> Task {
    Box::pin(async move {
        pause(5 + chance.below(20)).await;
        // What fails is left to the next run.
        drop(server.engine.reconcile_once().await);
        for _ in 0..chance.below(8) {
            drop(server.engine.rewrap_step().await);
        }
        if chance.chance(500) {
            drop(server.engine.take_inventory().await);
        }
    })
}

/// One step of the sequencer, now and then with an audit head.
fn sequence(server: Arc<Server>, chance: Arc<SimRng>, oracle: Arc<Oracle>, open: bool) -> Task {
    Box::pin(async move {
        pause(chance.below(20)).await;
        if let Err(error) = server.sequencer.step().await
            && error.is_fatal()
        {
            oracle.fail(format!("the sequencer halts: {error}"));
        }
        if open && chance.chance(500) {
            drop(server.sequencer.audit_head().await);
        }
    })
}

fn poll_once<T>(future: &mut BoxFuture<'static, T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a task, or a fresh one when it has ended.
fn poll_again(task: &mut Option<Task>, begin: impl FnOnce() -> Task) {
    if poll_once(task.get_or_insert_with(begin)).is_ready() {
        *task = None;
    }
}
