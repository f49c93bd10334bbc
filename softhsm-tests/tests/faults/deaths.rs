//! Three ways in which devices die, each brought back without a restart of the process that uses them.
//!
//! `hufud` itself cannot run on the first two: its root key is AES-256-GCM, which p11-kit does not pass on and a TPM does
//! not have. What they do to a driver is the same under the adapter alone.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, Health, KeyBackend, KeyHandle, Operation, Outcome, SignInput, Template};
use hufu_core::record::VersionUid;
use hufu_pkcs11::{Config, Pkcs11Backend, TokenSelector};
use hufu_sdk::v1;
use hufu_secret::SecretBytes;
use hufu_softhsm_tests::{Tool, softhsm_module};
use tokio::runtime::Runtime;

use crate::child;
use crate::device::{Device, TABRMD, module, two_ports};
use crate::phases::Phase;
use crate::scene::{Scene, settled};

const LABEL: &str = "hufu";
const PIN: &str = "1234567";
const SO_PIN: &str = "12345678";
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// For one signature; a device that is a process of ours needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a device stays dead.
const DEAD: Duration = Duration::from_millis(500);

#[test]
fn p11_kit_is_killed_and_comes_back() {
    let Some(driver) = module("p11-kit", "p11-kit-client.so", &["p11-kit", "softhsm2-util"]) else { return };
    let environment = |scratch: &Path| {
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", scratch.display());
        std::fs::write(scratch.join("softhsm2.conf"), text).unwrap();
        let address = format!("unix:path={}", scratch.join("socket").display());
        vec![
            ("SOFTHSM2_CONF", scratch.join("softhsm2.conf").into_os_string()),
            ("P11_KIT_SERVER_ADDRESS", address.into()),
        ]
    };
    let Some(scratch) = child::enter("deaths::p11_kit_is_killed_and_comes_back", environment) else { return };
    Tool::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", SO_PIN])
        .ok();
    survives_death(&driver, || Device::p11_kit(&softhsm_module(), LABEL, &scratch.join("socket")), || {});
}

#[test]
fn a_tpm_is_killed_and_comes_back() {
    let programs = ["swtpm", "tpm2-abrmd", "dbus-daemon", "tpm2_getcap", "pkcs11-tool"];
    let Some(driver) = module("TPM", "libtpm2_pkcs11.so", &programs) else { return };
    let environment = |scratch: &Path| {
        let bus = format!("unix:path={}", scratch.join("bus").display());
        vec![
            ("DBUS_SESSION_BUS_ADDRESS", bus.into()),
            ("TPM2_PKCS11_STORE", scratch.to_owned().into_os_string()),
            ("TPM2_PKCS11_TCTI", TABRMD.into()),
            ("TSS2_LOG", "all+NONE".into()),
        ]
    };
    let Some(scratch) = child::enter("deaths::a_tpm_is_killed_and_comes_back", environment) else { return };
    let (_bus, port) = (Device::bus(&scratch.join("bus")), two_ports());
    let prepare = || {
        // By another process: this driver does not see in one what was set up in it.
        let tool = || Tool::new("pkcs11-tool").args(["--module", driver.to_str().unwrap()]);
        tool().args(["--init-token", "--slot-index", "0", "--label", LABEL, "--so-pin", SO_PIN]).ok();
        let so = ["--login", "--login-type", "so", "--so-pin", SO_PIN];
        tool().args(["--init-pin", "--token-label", LABEL, "--pin", PIN]).args(so).ok();
    };
    survives_death(&driver, || Device::tpm(&scratch, port), prepare);
}

/// A network HSM that has lost its sessions: first an error of the device, then invalid handles.
#[test]
fn forgotten_sessions_come_back_under_hufud() {
    let keys = [("p256-a", v1::Algorithm::P256), ("ed25519-a", v1::Algorithm::Ed25519)];
    let Some(mut scene) = Scene::start("forgotten sessions", &keys, "") else { return };
    let pid = scene.daemon.pid();
    scene.call();
    for _ in 0..3 {
        scene.run(&Phase {
            name: "the server has forgotten all sessions",
            script: "C_Sign count=1 close-sessions return=CKR_DEVICE_ERROR",
            time: Duration::from_millis(200),
        });
    }
    scene.hang_up();
    assert_eq!(scene.daemon.pid(), pid);
    let client = scene.runtime.block_on(async { scene.daemon.client("admin") });
    scene.runtime.block_on(settled(&client));
}

/// Makes a key, kills the device, starts it again, and signs with the same key.
fn survives_death(driver: &Path, start: impl Fn() -> Vec<Device>, prepare: impl Fn()) {
    let device = start();
    prepare();
    let config = Config::new(driver, TokenSelector::Label(LABEL.to_owned()), SecretBytes::from_slice(PIN.as_bytes()));
    let backend = Pkcs11Backend::open(Config { sessions: NonZeroUsize::MIN, ..config }).unwrap();
    Runtime::new().unwrap().block_on(async {
        let key = p256(&backend).await;
        works(&backend, key.as_ref()).await.expect("a living device works");
        device.into_iter().for_each(Device::kill);
        let end = Instant::now() + DEAD;
        while Instant::now() < end {
            works(&backend, key.as_ref()).await.expect_err("a dead device does nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let dead = backend.health();
        assert!(matches!(dead, Health::Down(_)), "{dead:?}");
        let _device = start();
        let back = back_after(&backend, key.as_ref()).await;
        println!("{}: dead with {dead:?}, back after {back:?}", driver.display());
        assert_eq!(backend.health(), Health::Serving);
        for _ in 0..10 {
            works(&backend, key.as_ref()).await.unwrap();
        }
    });
}

async fn back_after(backend: &dyn KeyBackend, key: Option<&KeyHandle>) -> Duration {
    let begin = Instant::now();
    loop {
        match works(backend, key).await {
            Ok(()) => return begin.elapsed(),
            Err(error) => assert!(begin.elapsed() < BACK_WITHIN, "not back: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Signs; without a key, draws random numbers.
async fn works(backend: &dyn KeyBackend, key: Option<&KeyHandle>) -> Result<(), BackendError> {
    match key {
        Some(key) => sign(backend, key).await,
        None => backend.perform(Operation::Random(16), Instant::now() + PATIENCE).await.map(drop),
    }
}

/// Signs, and verifies.
async fn sign(backend: &dyn KeyBackend, key: &KeyHandle) -> Result<(), BackendError> {
    let deadline = Instant::now() + PATIENCE;
    match backend.perform(Operation::Sign(key, SignInput::Message(b"message")), deadline).await? {
        Outcome::Bytes(signature) => {
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key.as_deref().unwrap());
            public.verify(b"message", &signature).expect("a signature of the key");
            Ok(())
        }
        answer => panic!("{answer:?}"),
    }
}

/// A key, if the token can make one.
async fn p256(backend: &dyn KeyBackend) -> Option<KeyHandle> {
    let (algorithm, scheme, uid) = (Algorithm::P256, Scheme::EcdsaSha256, VersionUid([7; 16]));
    if let Err(why) = backend.capabilities().check(algorithm, Purpose::Sign, scheme) {
        println!("skipped: signatures of {}: {why}", backend.name());
        return None;
    }
    let binding: Arc<[u8]> = Arc::from([]);
    let template = Template {
        uid,
        algorithm,
        purpose: Purpose::Sign,
        scheme,
        binding: binding.clone(),
        wrapping_key: None,
        exit: hufu_core::record::Exit::Never,
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    match backend.perform(Operation::Generate(&template), deadline).await {
        Ok(Outcome::Generated(made)) => {
            let public_key = made.public_key.map(Arc::from);
            let locator = made.locator;
            Some(KeyHandle { uid, algorithm, scheme, locator, binding, public_key, distinguishing_id: None })
        }
        answer => panic!("{answer:?}"),
    }
}
