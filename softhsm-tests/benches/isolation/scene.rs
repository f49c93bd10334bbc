//! A token of its own, reached in three ways.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{KeyBackend, KeyHandle, Operation, Outcome, SignInput, Template};
use hufu_core::record::VersionUid;
use hufu_pkcs11::{Pkcs11Backend, TokenSelector, find_or_init_token};
use hufu_secret::SecretBytes;
use hufu_softhsm_tests::{hsm_worker, softhsm_module};
use hufu_worker::WorkerBackend;

use crate::load::{self, Sample};

const PIN: &[u8] = b"648219";
/// Sessions of the backends: as many as there are cases for.
const SESSIONS: [usize; 2] = [1, 2];
const MESSAGE: [u8; 32] = [0xa5; 32];

/// How the token is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Raw,
    InProcess,
    Worker,
}

impl Way {
    /// As the table names it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Raw => "raw loop",
            Self::InProcess => "in-process",
            Self::Worker => "process",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Case {
    pub(crate) way: Way,
    pub(crate) sessions: usize,
    /// Calls under way at any time; a raw loop has one for each session.
    pub(crate) callers: usize,
}

impl Case {
    pub(crate) fn all(sessions: usize, callers: &[usize]) -> Vec<Self> {
        let raw = Self { way: Way::Raw, sessions, callers: sessions };
        let both = callers
            .iter()
            .flat_map(|callers| [Way::InProcess, Way::Worker].map(|way| Self { way, sessions, callers: *callers }));
        std::iter::once(raw).chain(both).collect()
    }
}

pub(crate) struct Scene {
    in_process: [Arc<dyn KeyBackend>; 2],
    worker: [Arc<WorkerBackend>; 2],
    key: Arc<KeyHandle>,
}

impl Scene {
    pub(crate) async fn open() -> Self {
        let module = softhsm_module();
        let pin = || SecretBytes::from_slice(PIN);
        let serial = find_or_init_token(&module, "bench", &pin(), &pin()).unwrap();
        let config = |sessions| {
            let config = hufu_pkcs11::Config::new(&module, TokenSelector::Serial(serial.clone()), pin());
            hufu_pkcs11::Config { sessions: NonZeroUsize::new(sessions).unwrap(), ..config }
        };
        let in_process = SESSIONS.map(|n| Arc::new(Pkcs11Backend::open(config(n)).unwrap()) as Arc<dyn KeyBackend>);
        let worker = SESSIONS.map(|sessions| {
            let worker = hufu_worker::Config::new(config(sessions));
            let worker = hufu_worker::Config { program: Some(hsm_worker().to_owned()), ..worker };
            Arc::new(WorkerBackend::open(worker).unwrap())
        });
        let key = Arc::new(generate(in_process.first().unwrap().as_ref()).await);
        Self { in_process, worker, key }
    }

    pub(crate) async fn measure(&self, case: Case, quick: bool) -> Sample {
        let span = Duration::from_millis(if quick { 100 } else { 2_000 });
        let at = SESSIONS.iter().position(|n| *n == case.sessions).unwrap();
        let (in_process, worker) = (self.in_process.get(at).unwrap(), self.worker.get(at).unwrap());
        let (backend, pid): (Arc<dyn KeyBackend>, Option<u32>) = match case.way {
            Way::Raw => return load::raw(case.sessions, span, || raw_loop(&self.key)),
            Way::InProcess => (in_process.clone(), None),
            Way::Worker => (worker.clone(), Some(worker.worker_pid().unwrap())),
        };
        let key = self.key.clone();
        load::measure(span, case.callers, pid, move || {
            let (backend, key) = (backend.clone(), key.clone());
            async move { sign(&*backend, &key).await }
        })
        .await
    }
}

async fn sign(backend: &dyn KeyBackend, key: &KeyHandle) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = backend.perform(Operation::Sign(key, SignInput::Message(&MESSAGE)), deadline).await;
    assert!(matches!(answer, Ok(Outcome::Bytes(_))), "{answer:?}");
}

async fn generate(backend: &dyn KeyBackend) -> KeyHandle {
    let (algorithm, purpose, scheme) = (Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    let binding = Arc::from([7; 120]);
    let template = Template {
        uid: VersionUid([7; 16]),
        algorithm,
        purpose,
        scheme,
        binding,
        wrapping_key: None,
        exit: hufu_core::record::Exit::Never,
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = backend.perform(Operation::Generate(&template), deadline).await;
    let Ok(Outcome::Generated(generated)) = answer else { panic!("{answer:?}") };
    KeyHandle {
        uid: template.uid,
        algorithm,
        scheme,
        locator: generated.locator,
        binding: template.binding,
        public_key: generated.public_key.map(Arc::from),
        distinguishing_id: None,
    }
}

/// One signature on a session of its own, again and again.
fn raw_loop(key: &KeyHandle) -> impl FnMut() + Send + use<> {
    let context = Pkcs11::new(Path::new(&softhsm_module())).unwrap();
    let slot = *context.get_slots_with_initialized_token().unwrap().first().unwrap();
    // The application is initialised and logged in already: by the backend in this process.
    let session = context.open_ro_session(slot).unwrap();
    let wanted = [Attribute::Id(key.uid.0.to_vec()), Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let object = *session.find_objects(&wanted).unwrap().first().unwrap();
    move || drop(session.sign(&Mechanism::Ecdsa, object, &MESSAGE).unwrap())
}
