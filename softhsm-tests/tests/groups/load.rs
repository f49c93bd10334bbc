//! Callers that sign without pause and without a second try: each call must be answered with a good signature.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use hufu_proto::v1;
use hufu_proto::v1::crypto_service_client::CryptoServiceClient;
use hufu_softhsm_tests::{Daemon, raw_channel, wait_until};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// Length of a P-256 SubjectPublicKeyInfo before its point (RFC 5480).
const SPKI_PREFIX_LEN: usize = 26;
const SOON: Duration = Duration::from_secs(60);

/// Callers at work.
pub(crate) struct Load {
    runtime: tokio::runtime::Runtime,
    callers: JoinSet<Duration>,
    shared: Arc<Shared>,
}

struct Shared {
    key: String,
    point: Vec<u8>,
    over: AtomicBool,
    signatures: AtomicU64,
}

/// What the callers saw.
pub(crate) struct Seen {
    pub(crate) signatures: u64,
    pub(crate) slowest: Duration,
}

impl Load {
    pub(crate) fn start(daemon: &Daemon, key: &str, callers: usize) -> Self {
        let cli = daemon.cli("admin");
        cli.ok(&format!("key public {key}@1 --out public.pem"));
        let pem = String::from_utf8(cli.read("public.pem")).unwrap();
        let spki = base64_of(&pem);
        let shared = Arc::new(Shared {
            key: format!("tenants/dev/keys/{key}"),
            point: spki[SPKI_PREFIX_LEN..].to_vec(),
            over: AtomicBool::new(false),
            signatures: AtomicU64::new(0),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let profile = daemon.profile("app");
        let client = runtime.block_on(async { CryptoServiceClient::new(raw_channel(&profile)) });
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            tasks.spawn_on(sign_until_over(client.clone(), caller, Arc::clone(&shared)), runtime.handle());
        }
        Self { runtime, callers: tasks, shared }
    }

    /// Waits for so many more signatures.
    pub(crate) fn await_signatures(&self, more: u64) {
        let wanted = self.shared.signatures.load(Ordering::Relaxed) + more;
        let come = wait_until(SOON, || (self.shared.signatures.load(Ordering::Relaxed) >= wanted).then_some(()));
        assert!(come.is_some(), "the signatures do not come");
    }

    /// Ends it. A call that was not answered, or not well, fails the test.
    pub(crate) fn end(self) -> Seen {
        self.shared.over.store(true, Ordering::Relaxed);
        let slowest = self.runtime.block_on(self.callers.join_all());
        Seen {
            signatures: self.shared.signatures.load(Ordering::Relaxed),
            slowest: slowest.into_iter().max().unwrap_or_default(),
        }
    }
}

/// Answers how long the slowest call took.
async fn sign_until_over(mut client: CryptoServiceClient<Channel>, caller: usize, shared: Arc<Shared>) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut number = 0u64;
    while !shared.over.load(Ordering::Relaxed) {
        number += 1;
        let message = format!("{caller} {number}").into_bytes();
        let request = v1::SignRequest {
            name: shared.key.clone(),
            data: Some(v1::sign_request::Data::Message(message.clone())),
            format: v1::SignatureFormat::Der.into(),
            request_id: String::new(),
            mandate: Vec::new(),
        };
        let began = Instant::now();
        let answer = client.sign(request).await.expect("no request is lost").into_inner();
        slowest = slowest.max(began.elapsed());
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &shared.point);
        public.verify(&message, &answer.signature).expect("a good signature");
        shared.signatures.fetch_add(1, Ordering::Relaxed);
    }
    slowest
}

fn base64_of(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}
