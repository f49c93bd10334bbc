//! A vendor's own numbers for SM2, SM3 and SM4 are a matter of data: a profile names them, and the service uses them.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hufu_conformance::backend::{Report, Subject, backend_suite};
use hufu_core::BoxFuture;
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{BackendError, WrappingKeys};
use hufu_core::record::WrappingKeyId;
use hufu_pkcs11::{Config, Pkcs11Backend, TokenSelector, VendorProfile, find_or_init_token};
use hufu_secret::SecretBytes;
use hufu_softhsm_tests::{Cli, ConfigBuilder, Daemon, Faults, Storage, openssl};
use hufu_software::SoftwareBackend;
use tokio::runtime::Runtime;

use crate::child;

const LABEL: &str = "vendor";
const PIN: &[u8] = b"1234567";

/// The vendor's manual as a profile. SoftHSM enforces CKA_ALLOWED_MECHANISMS by numbers of the standard.
const PROFILE: &str = r#"
format = 1
name = "acme"
title = "An HSM with Chinese algorithms"

[token]
simulated = true
sessions_max = 1

[quirks]
no_allowed_mechanisms = true

[mechanisms]
sm2 = { generate = 0x80000201, sign = 0x80000202 }
sm3 = { hmac = 0x80000203 }
sm4 = { generate = 0x80000204, gcm = 0x80000205 }
"#;

#[test]
fn a_vendors_numbers_conform() {
    let test = "vendor::a_vendors_numbers_conform";
    let Some(report) = suite(test, PROFILE) else { return };
    for row in ["sm2 sign sm2-sm3", "sm4-gcm encrypt sm4-gcm", "hmac-sm3 mac hmac-sm3", "p256 sign ecdsa-sha256"] {
        assert!(report.tested.iter().any(|tested| tested == row), "{row}: {:?}", report.skipped);
    }
}

#[test]
fn numbers_that_do_something_else_are_refused() {
    let test = "vendor::numbers_that_do_something_else_are_refused";
    // ECDSA where SM2 should be; a mechanism that the token does not have.
    let profile = PROFILE.replace("0x80000202", "0x80000206").replace("0x80000205", "0x80000299");
    let Some(report) = suite(test, &profile) else { return };
    let refusal = |row: &str| report.skipped.iter().find(|skipped| skipped.starts_with(row)).cloned().unwrap();
    assert!(refusal("sm2 sign").ends_with("but a trial failed: failed: what it signs is no SM2 signature"));
    assert!(refusal("sm4-gcm").ends_with("the token offers no mechanism 0x80000299"));
}

#[test]
fn hufud_holds_sm2_in_a_vendors_hsm() {
    let faults = Faults::new().with_vendor_mechanisms();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("acme.toml");
    std::fs::write(&file, PROFILE).unwrap();
    let builder = ConfigBuilder::new(Storage::Sqlite).through(&faults);
    let builder = builder.with_token_line(&format!("profile_file = {file:?}"));
    let daemon = Daemon::start_config(&builder);
    let cli = daemon.cli("admin");
    let status = cli.ok("status");
    let token = status.lines().find(|line| line.starts_with("token:")).unwrap();
    assert!(token.split_whitespace().any(|word| word == "acme"), "{status}");
    cli.write("message", b"the tally is whole when its halves meet\n");
    cli.ok("key create tiger --algorithm sm2 --protection hsm --sm2-id ALICE123@YAHOO.COM");
    cli.ok("key public tiger --out tiger.pem");
    sm2_verifies(&cli);
    cli.ok("key create half --algorithm sm4-gcm --protection hsm");
    cli.ok("encrypt half --in message --out sealed");
    cli.ok("decrypt half --in sealed --out opened");
    assert_eq!(cli.read("opened"), cli.read("message"));
    // The worker that serves from now on has the profile too.
    faults.script("C_SignInit count=1 crash");
    let _ = cli.run("sign tiger --in message --out tiger.sig");
    sm2_verifies(&cli);
}

fn sm2_verifies(cli: &Cli) {
    cli.ok("sign tiger --in message --out tiger.sig");
    let verifies = |id: &str| {
        let options = format!("-rawin -digest sm3 -pkeyopt distid:{id} -in message -sigfile tiger.sig");
        openssl(cli.dir(), &format!("pkeyutl -verify -pubin -inkey tiger.pem {options}")).status.success()
    };
    assert!(verifies("ALICE123@YAHOO.COM"));
    assert!(!verifies("1234567812345678"));
}

/// Runs the suite on the module with the vendor's mechanisms, in a process of its own; there, the report.
fn suite(test: &str, profile: &str) -> Option<Report> {
    let faults = Faults::new().with_vendor_mechanisms();
    let environment = |scratch: &Path| {
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", scratch.display());
        std::fs::write(scratch.join("softhsm2.conf"), text).unwrap();
        let mut environment: Vec<(&'static str, PathBuf)> = faults.environment();
        environment.push(("SOFTHSM2_CONF", scratch.join("softhsm2.conf")));
        environment
    };
    if child::enter(test, environment).is_none() {
        // One to set the PIN, and the only one that the profile allows.
        assert_eq!(faults.calls_of("C_OpenSession").len(), 2);
        return None;
    }
    let serial = find_or_init_token(faults.module(), LABEL, &secret(PIN), &secret(PIN)).unwrap();
    let config = Config::new(faults.module(), TokenSelector::Serial(serial), secret(PIN));
    let (sessions, profile) = (NonZeroUsize::new(4).unwrap(), VendorProfile::parse(profile).unwrap());
    let config = Config { sessions, profile: Some(profile), ..config };
    let backend = Pkcs11Backend::open(config).unwrap();
    let verifier = SoftwareBackend::new(Arc::new(NoKeys), Arc::new(OsRng), NonZeroUsize::MIN).unwrap();
    assert_eq!(backend.profile_name(), "acme");
    let subject = Subject { backend: &backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
    Some(Runtime::new().unwrap().block_on(backend_suite(&subject)).unwrap())
}

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(bytes)
}

struct OsRng;

impl Rng for OsRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

struct NoKeys;

impl WrappingKeys for NoKeys {
    fn wrapping_key(&self, _: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(async { Err(BackendError::Missing("there are none".to_owned())) })
    }
}
