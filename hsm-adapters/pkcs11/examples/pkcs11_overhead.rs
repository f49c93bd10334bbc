//! What a P-256 signature on SoftHSM costs through the backend, one caller and many, against a raw cryptoki loop.
//!
//! `SOFTHSM2_CONF=… cargo run --release -p hufu-pkcs11 --example pkcs11_overhead` with a configuration of a scratch folder.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement for a person to read"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use hufu_core::backend::KeyBackend;
use hufu_pkcs11::{Config, Pkcs11Backend};

const SIGNATURES: u32 = 10_000;
const CALLERS: u32 = 64;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let serial = support::provision();
    for sessions in [1, 2] {
        let started = Instant::now();
        let sessions = NonZeroUsize::new(sessions).unwrap();
        let backend = Pkcs11Backend::open(Config { sessions, ..support::config(&serial) }).unwrap();
        println!("{sessions} sessions: opened and probed in {:?}", started.elapsed());
        let backend: Arc<dyn KeyBackend> = Arc::new(backend);
        runtime.block_on(measure(&backend));
    }
}

/// Wall time and processor time (all threads) since some start, for each signature. Processor time has a resolution of 10 ms.
struct Meter(Instant, Duration);

impl Meter {
    fn start() -> Self {
        Self(Instant::now(), processor_time())
    }

    fn report(&self, name: &str) {
        let (wall, processor) = (self.0.elapsed() / SIGNATURES, (processor_time() - self.1) / SIGNATURES);
        println!("  {name}: {wall:?} a signature, processor {processor:?}");
    }
}

/// utime and stime of proc_pid_stat(5), in ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
    Duration::from_millis(10 * fields.map(|field| field.parse::<u64>().unwrap()).sum::<u64>())
}

async fn measure(backend: &Arc<dyn KeyBackend>) {
    let key = support::p256(&**backend).await;
    support::assert_signs(&**backend, &key).await;
    let context = Pkcs11::new(support::MODULE).unwrap();
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    let session = context.open_ro_session(slot).unwrap();
    let template = [Attribute::Id(key.uid.0.to_vec()), Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let object = session.find_objects(&template).unwrap()[0];
    let meter = Meter::start();
    for _ in 0..SIGNATURES {
        assert!(session.sign(&Mechanism::Ecdsa, object, &[7; 32]).is_ok());
    }
    meter.report("raw loop");
    let meter = Meter::start();
    for _ in 0..SIGNATURES {
        assert!(support::sign(&**backend, &key).await.is_ok());
    }
    meter.report("one caller");
    let meter = Meter::start();
    let local = tokio::task::JoinSet::from_iter((0..CALLERS).map(|_| {
        let (backend, key) = (Arc::clone(backend), key.clone());
        async move {
            for _ in 0..SIGNATURES / CALLERS {
                assert!(support::sign(&*backend, &key).await.is_ok());
            }
        }
    }));
    local.join_all().await;
    meter.report(&format!("{CALLERS} callers"));
}
