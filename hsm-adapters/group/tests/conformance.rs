//! A group of two SoftHSM tokens passes the suite of the seam, with keys that stay and with keys that are replicated.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails, and prints what it skips")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use hufu_conformance::backend::{Report, Subject, backend_suite};
use hufu_core::BoxFuture;
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{
    BackendError, Capabilities, Health, KeyBackend, Operation, Outcome, Template, WrappingKeys,
};
use hufu_core::record::{Exit, Locator, Protection, WrappingKeyId};
use hufu_group::{Group, GroupConfig, Replication};
use hufu_pkcs11::{Config, GroupToken, Pkcs11Backend, TokenSelector, find_or_init_token, install_group_key};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const SETTING: &str = "SOFTHSM2_CONF";
const GROUP: &str = "suite";

struct OsRng;

impl Rng for OsRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

struct NoKeys;

impl WrappingKeys for NoKeys {
    fn wrapping_key(&self, _: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(async { Err(BackendError::Missing("none".to_owned())) })
    }
}

/// Runs the test again in a process whose environment names a scratch SoftHSM.
fn isolated(test: &str, body: impl Future<Output = ()>) {
    if !Path::new(MODULE).exists() {
        println!("skipped: {test}: no SoftHSM at {MODULE}");
        return;
    }
    if std::env::var_os(SETTING).is_some_and(|conf| Path::new(&conf).with_file_name("mark").exists()) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(body);
        hufu_secret::end_process(0);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let (conf, tokens) = (scratch.path().join("softhsm2.conf"), scratch.path().join("tokens"));
    std::fs::create_dir(&tokens).unwrap();
    std::fs::write(scratch.path().join("mark"), "").unwrap();
    std::fs::write(&conf, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.args([test, "--exact", "--nocapture"]).env(SETTING, &conf).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn secret(text: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(text)
}

fn group() -> Group {
    let (pin, so_pin): (&[u8], &[u8]) = (b"1234567", b"12345678");
    let serials = ["one", "two"]
        .map(|label| find_or_init_token(Path::new(MODULE), label, &secret(so_pin), &secret(pin)).unwrap());
    let selector = |serial: &String| TokenSelector::Serial(serial.clone());
    let tokens = serials.each_ref().map(|serial| GroupToken {
        module: MODULE.into(),
        token: selector(serial),
        so_pin: secret(so_pin),
    });
    install_group_key(GROUP, &tokens, &OsRng, false).unwrap();
    let open = |serial: String| {
        let config = Config::new(MODULE, selector(&serial), secret(pin));
        let backend = Pkcs11Backend::open(Config { group: Some(GROUP.to_owned()), ..config }).unwrap();
        (serial, Arc::new(backend) as Arc<dyn KeyBackend>)
    };
    let copies = NonZeroUsize::new(2).unwrap();
    let config = GroupConfig { name: GROUP.to_owned(), copies, replication: Replication::Wrapped };
    Group::new(config, serials.map(open).into()).unwrap()
}

async fn suite(backend: &dyn KeyBackend) -> Report {
    let verifier = SoftwareBackend::new(Arc::new(NoKeys), Arc::new(OsRng), NonZeroUsize::MIN).unwrap();
    let subject = Subject { backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
    let report = backend_suite(&subject).await.unwrap();
    report.tested.iter().for_each(|tested| println!("tested: {tested}"));
    report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
    report
}

#[test]
fn a_group_conforms() {
    isolated("a_group_conforms", async {
        let group = group();
        assert_eq!(suite(&group).await.tested.len(), 18);
        assert!(group.capabilities().simulated, "SoftHSM is a simulation");
    });
}

#[test]
fn a_group_conforms_with_keys_on_every_token() {
    isolated("a_group_conforms_with_keys_on_every_token", async {
        let report = suite(&Replicating(group())).await;
        // All but Ed25519, which SoftHSM does not wrap, and what the group key's templates keep out: keys that unwrap others,
        // and keys that derive.
        assert_eq!(report.tested.len(), 13, "{:?}", report.skipped);
    });
}

/// Makes every key replicable, and can do what can be replicated.
struct Replicating(Group);

impl KeyBackend for Replicating {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn protection(&self) -> Protection {
        self.0.protection()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.0.capabilities();
        for (algorithm, purpose, scheme, _, why) in std::mem::take(&mut capabilities.kept) {
            capabilities.schemes.retain(|row| *row != (algorithm, purpose, scheme));
            capabilities.refusals.push((algorithm, purpose, scheme, why));
        }
        capabilities
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move {
            let Operation::Generate(template) = operation else { return self.0.perform(operation, deadline).await };
            let template = Template { exit: Exit::Replicable, ..template.clone() };
            let made = self.0.perform(Operation::Generate(&template), deadline).await?;
            if let Outcome::Generated(made) = &made {
                assert!(matches!(made.locator, Locator::Group { .. }));
            }
            Ok(made)
        })
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}
