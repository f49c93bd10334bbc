//! Two tokens of their own, each behind a worker, alone and in groups.

use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{KeyBackend, KeyHandle, Operation, Outcome, SignInput, Template};
use hufu_core::record::{Exit, VersionUid};
use hufu_group::{Group, GroupConfig, Replication};
use hufu_pkcs11::{GroupToken, TokenSelector, find_or_init_token, install_group_key};
use hufu_secret::SecretBytes;
use hufu_softhsm_tests::{hsm_worker, softhsm_module};
use hufu_worker::WorkerBackend;

const PIN: &[u8] = b"648219";
const GROUP: &str = "bench";
const MESSAGE: [u8; 32] = [0xa5; 32];

/// What signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Alone,
    One,
    Two,
    /// Two, and the worker of one is killed in the middle.
    Killed,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Alone, Self::One, Self::Two, Self::Killed];

    /// As the table names it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Alone => "one token",
            Self::One => "group of one",
            Self::Two => "group of two",
            Self::Killed => "group of two, one killed",
        }
    }
}

pub(crate) struct Scene {
    workers: [Arc<WorkerBackend>; 2],
    one: Arc<Group>,
    two: Arc<Group>,
    keys: [Arc<KeyHandle>; 3],
}

impl Scene {
    pub(crate) async fn open() -> Self {
        let module = softhsm_module();
        let pin = || SecretBytes::from_slice(PIN);
        let serials = ["one", "two"].map(|label| find_or_init_token(&module, label, &pin(), &pin()).unwrap());
        let selector = |serial: &String| TokenSelector::Serial(serial.clone());
        let tokens = serials.each_ref().map(|serial| GroupToken {
            module: module.clone(),
            token: selector(serial),
            so_pin: pin(),
        });
        install_group_key(GROUP, &tokens, &HostRng, false).unwrap();
        let workers = serials.each_ref().map(|serial| {
            let config = hufu_pkcs11::Config::new(&module, selector(serial), pin());
            let config = hufu_pkcs11::Config { sessions: NonZeroUsize::MIN, group: Some(GROUP.to_owned()), ..config };
            let config = hufu_worker::Config::new(config);
            let config = hufu_worker::Config { program: Some(hsm_worker().to_owned()), ..config };
            Arc::new(WorkerBackend::open(config).unwrap())
        });
        let group = |count: usize| {
            let copies = NonZeroUsize::new(count).unwrap();
            let config = GroupConfig { name: GROUP.to_owned(), copies, replication: Replication::Wrapped };
            let tokens =
                serials.iter().cloned().zip(workers.iter().cloned().map(|worker| worker as Arc<dyn KeyBackend>));
            Arc::new(Group::new(config, tokens.take(count).collect()).unwrap())
        };
        let (one, two) = (group(1), group(2));
        let keys = [
            Arc::new(generate(&*workers[0], 1).await),
            Arc::new(generate(&*one, 2).await),
            Arc::new(generate(&*two, 3).await),
        ];
        Self { one, two, workers, keys }
    }

    pub(crate) fn backend(&self, way: Way) -> Arc<dyn KeyBackend> {
        let [first, _] = &self.workers;
        match way {
            Way::Alone => first.clone(),
            Way::One => self.one.clone(),
            Way::Two | Way::Killed => self.two.clone(),
        }
    }

    pub(crate) fn key(&self, way: Way) -> Arc<KeyHandle> {
        let [alone, one, two] = &self.keys;
        match way {
            Way::Alone => alone.clone(),
            Way::One => one.clone(),
            Way::Two | Way::Killed => two.clone(),
        }
    }

    pub(crate) fn kill_one(&self) {
        let [_, second] = &self.workers;
        let pid = second.worker_pid().expect("a worker").to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    /// Waits until both workers are there again.
    pub(crate) async fn recovered(&self) {
        while self.workers.iter().any(|worker| worker.worker_pid().is_none()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(crate) async fn sign(backend: &dyn KeyBackend, key: &KeyHandle) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = backend.perform(Operation::Sign(key, SignInput::Message(&MESSAGE)), deadline).await;
    assert!(matches!(answer, Ok(Outcome::Bytes(_))), "{answer:?}");
}

async fn generate(backend: &dyn KeyBackend, number: u8) -> KeyHandle {
    let (algorithm, purpose, scheme) = (Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    let (uid, binding) = (VersionUid([number; 16]), Arc::from([7; 120]));
    let exit = Exit::Replicable;
    let template = Template { uid, algorithm, purpose, scheme, binding, wrapping_key: None, exit };
    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = backend.perform(Operation::Generate(&template), deadline).await;
    let Ok(Outcome::Generated(made)) = answer else { panic!("{answer:?}") };
    let public_key = made.public_key.map(Arc::from);
    KeyHandle {
        uid,
        algorithm,
        scheme,
        locator: made.locator,
        binding: template.binding,
        public_key,
        distinguishing_id: None,
    }
}

struct HostRng;

impl Rng for HostRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        aws_lc_rs::rand::fill(buffer).map_err(|_| RngError)
    }
}
