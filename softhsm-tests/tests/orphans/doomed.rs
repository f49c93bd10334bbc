//! The process that ends in the middle: the service, opened as the daemon opens it, behind a tripwire.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::Reason;
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::name::{ImportJobName, JobId, KeyId, KeyName, TenantId, VersionNumber};
use hufu_core::record::Protection;
use hufu_core::revocation::RevocationReason;
use hufu_engine::Engine;
use hufu_engine::api::{Caller, Change, CreateImportJob, CreateKey, ImportKey, VersionChange};
use hufu_secret::SecretBytes;
use hufu_softhsm_tests::{Stopped, Tool, hsm_worker};
use hufu_transport::{Hash, Receiver};
use hufu_wiring::{Adapters, Config, DevOptions};
use tokio::runtime::Runtime;

use crate::inspect::job_of;
use crate::tripwire::{Edge, Step, Tripwire, WiredStore, WiredToken};

/// Carries the orders to the process.
const VARIABLE: &str = "HUFU_TEST_DOOMED";
const PATIENCE: Duration = Duration::from_secs(20);
const SIGABRT: i32 = 6;

/// What the process does when it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    Create,
    Rotate,
    Destroy,
    Import,
    /// Nothing but opening.
    Open,
}

/// What to do, and where to end.
pub(crate) struct Orders {
    dir: PathBuf,
    task: Task,
    key: String,
    step: Step,
    /// SHA-256 of the administrator's public key, in hexadecimal.
    pin: String,
}

impl Orders {
    pub(crate) fn new(stopped: &Stopped, task: Task, key: &str, step: &Step) -> Self {
        let certificate = stopped.dir().join("profiles/admin.pem");
        let script =
            "openssl x509 -in \"$0\" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r";
        let digest = Tool::new("sh").args(["-c", script, certificate.to_str().unwrap()]).ok();
        let pin = digest.split_whitespace().next().unwrap().to_owned();
        Self { dir: stopped.dir(), task, key: key.to_owned(), step: step.clone(), pin }
    }

    /// Runs this test program again with the orders; panics unless it ended at the step.
    pub(crate) fn end_a_process(&self) {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "doomed_process", "--nocapture"])
            .env(VARIABLE, self.write())
            .env("SOFTHSM2_CONF", self.dir.join("softhsm/softhsm2.conf"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert_eq!(child.status.signal(), Some(SIGABRT), "{:?} was not reached: {said}", self.step);
    }

    pub(crate) fn of_this_process() -> Option<Self> {
        env::var(VARIABLE).ok().map(|text| Self::read(&text))
    }

    /// Does what is ordered. Comes back only when the step was not reached.
    pub(crate) fn carry_out(self) {
        let wire = Tripwire::new(self.step.clone());
        if self.task == Task::Open {
            wire.arm();
        }
        let options =
            DevOptions { data_dir: self.dir.clone(), listen: "127.0.0.1:0".parse().unwrap(), pkcs11_module: None };
        let mut config = Config::dev(&options).unwrap();
        // A test program does not lie beside the worker.
        config.token.as_mut().unwrap().worker = Some(hsm_worker().to_owned());
        let put_around = {
            let wire = wire.clone();
            move |Adapters { store, token }| Adapters {
                store: Arc::new(WiredStore { inner: store, wire: wire.clone() }),
                token: Arc::new(WiredToken { inner: token, wire }),
            }
        };
        Runtime::new().unwrap().block_on(async {
            let service = hufu_wiring::open_decorated(config, None, put_around).await.unwrap();
            self.work(&service.engine, &wire).await;
            tokio::time::sleep(PATIENCE).await;
        });
        panic!("{:?} was not reached", self.step);
    }

    async fn work(&self, engine: &Engine, wire: &Tripwire) {
        let caller = self.caller(engine).await;
        let name = KeyName { tenant: TenantId::parse("dev").unwrap(), key: KeyId::parse(&self.key).unwrap() };
        let change = |change| VersionChange { name: name.version(VersionNumber::FIRST), etag: None, change };
        match self.task {
            Task::Open => {}
            Task::Create => {
                wire.arm();
                engine.create_key(&caller, new_key(&name)).await.unwrap();
            }
            Task::Import => {
                let (job, wrapped) = self.job(engine, &caller, &name).await;
                wire.arm();
                engine.import_key(&caller, ImportKey { job, wrapped }).await.unwrap();
            }
            Task::Rotate => {
                create_patiently(engine, &caller, &name).await;
                wire.arm();
                engine.rotate_key(&caller, &name, None).await.unwrap();
            }
            Task::Destroy => {
                create_patiently(engine, &caller, &name).await;
                let revoke = Change::Revoke { reason: RevocationReason::Superseded, compromised_at: None };
                engine.change_version(&caller, change(revoke)).await.unwrap();
                wire.arm();
                engine.change_version(&caller, change(Change::ScheduleDestroy { after_ms: 0 })).await.unwrap();
            }
        }
    }

    /// A job for the key, and the key as its sender wraps it.
    async fn job(&self, engine: &Engine, caller: &Caller, name: &KeyName) -> (ImportJobName, Vec<u8>) {
        let made = |script: &str| Tool::new("sh").args(["-c", script, self.dir.to_str().unwrap(), &self.key]).ok();
        made(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkcs8 -topk8 -nocrypt -out $0/$1.key",
        );
        made(
            "openssl pkey -in $0/$1.key -outform DER -out $0/$1.der && openssl pkcs8 -topk8 -nocrypt -in $0/$1.key -outform DER -out $0/$1.der",
        );
        made("openssl pkey -in $0/$1.key -pubout -outform DER -out $0/$1.pub");
        let read = |kind: &str| std::fs::read(self.dir.join(format!("{}.{kind}", self.key))).unwrap();
        let (private, public) = (read("der"), read("pub"));
        let job = JobId::parse(&job_of(&self.key)).unwrap();
        let key = new_key(name);
        let request =
            CreateImportJob { job, key, public_key: Some(public), import_algorithm: None, lifetime_ms: None };
        let job = engine.create_import_job(caller, request).await.unwrap().record;
        let receiver = Receiver::parse(&job.import_key).unwrap();
        let hash = if job.scheme == Scheme::RsaAesKwpSha1 { Hash::Sha1 } else { Hash::Sha256 };
        let fresh = SecretBytes::from_slice(&[7; 32]);
        (job.name(), receiver.seal(hash, &fresh, &SecretBytes::from_slice(&private)).unwrap())
    }

    async fn caller(&self, engine: &Engine) -> Caller {
        let mut pin = [0; 32];
        hex::decode_to_slice(&self.pin, &mut pin).unwrap();
        let principal = engine.authenticate(&pin).await.unwrap();
        Caller { principal, deadline: Instant::now() + PATIENCE, idempotency: None }
    }

    fn write(&self) -> String {
        let Self { dir, task, key, step, pin } = self;
        [dir.to_str().unwrap(), &format!("{task:?}"), key, &step.what, &format!("{:?}", step.edge), pin].join("\n")
    }

    fn read(text: &str) -> Self {
        let [dir, task, key, what, edge, pin] = text.split('\n').collect::<Vec<_>>().try_into().unwrap();
        let tasks = [Task::Create, Task::Rotate, Task::Destroy, Task::Import, Task::Open];
        let task = tasks.into_iter().find(|known| format!("{known:?}") == task).unwrap();
        let edge = [Edge::Before, Edge::After].into_iter().find(|known| format!("{known:?}") == edge).unwrap();
        Self { dir: dir.into(), task, key: key.to_owned(), step: Step::new(what, edge), pin: pin.to_owned() }
    }
}

fn new_key(name: &KeyName) -> CreateKey {
    CreateKey {
        tenant: name.tenant.clone(),
        key: name.key.clone(),
        algorithm: Algorithm::P256,
        purpose: None,
        scheme: None,
        protection: Protection::Hsm,
        digest_allowed: false,
        labels: BTreeMap::new(),
        exit: hufu_core::record::Exit::Never,
        description: String::new(),
        activate: true,
        distinguishing_id: None,
        rotation_period_ms: None,
        mandate: None,
        sharing: None,
    }
}

/// SoftHSM may fail once when another process has just died in the middle of a write.
async fn create_patiently(engine: &Engine, caller: &Caller, name: &KeyName) {
    for _ in 0..20 {
        match engine.create_key(caller, new_key(name)).await {
            Ok(_) => return,
            Err(error) if error.reason() == Reason::BackendUnavailable => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the token does not make a key");
}
