//! Modules that depart from the standard, through the backend and the profiles that ship with it, pass the suite of the seam.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it did")]

mod support;

use std::path::Path;

use hufu_conformance::backend::{Report, Subject, backend_suite, record};
use hufu_core::backend::KeyBackend as _;
use hufu_pkcs11::{Config, OpenError, Pkcs11Backend, TokenSelector, VendorProfile, find_or_init_token};
use support::modules::{LABEL, PIN, SO_PIN, nss_database, with_nss, with_opencryptoki, with_tpm2};
use support::{OsRng, assert_signs, p256, scratch, secret, software};

const NSS_LABEL: &str = "NSS Certificate DB";

fn config(module: &Path, label: &str) -> Config {
    Config::new(module, TokenSelector::Label(label.to_owned()), secret(PIN.as_bytes()))
}

/// NSS on the database of the test.
fn nss(module: &Path) -> Config {
    let directory = nss_database(&scratch());
    let init_string =
        format!("configdir='{}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=", directory.display());
    Config { init_string: Some(init_string), ..config(module, NSS_LABEL) }
}

/// Runs the suite, and checks that the profile was found without being named.
async fn conforms(name: &str, config: Config) -> Report {
    let (backend, verifier) = (Pkcs11Backend::open(config).unwrap(), software());
    assert_eq!(backend.profile_name(), name);
    assert!(backend.capabilities().simulated, "each of them is a simulation");
    let subject = Subject { backend: &backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
    let report = backend_suite(&subject).await.unwrap();
    record(name, &report).unwrap();
    report.tested.iter().for_each(|tested| println!("tested: {tested}"));
    report.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
    report
}

fn refusal<'a>(report: &'a Report, row: &str) -> &'a str {
    report.skipped.iter().find(|skipped| skipped.starts_with(row)).map_or("", String::as_str)
}

#[test]
fn nss_conforms() {
    with_nss("nss_conforms", PIN, async |module: &Path| {
        let report = conforms("nss", nss(module)).await;
        for row in ["p256 sign", "p384 sign", "rsa3072 sign", "rsa3072 encrypt", "aes256-gcm", "hmac-sha256 mac"] {
            assert!(report.tested.iter().any(|tested| tested.starts_with(row)), "{row}: {:?}", report.skipped);
        }
        assert!(refusal(&report, "secp256k1").contains("DomainParamsInvalid"));
    });
}

#[test]
fn nss_is_initialised_by_a_string_of_ones_own() {
    with_nss("nss_is_initialised_by_a_string_of_ones_own", PIN, async |module: &Path| {
        let without = Pkcs11Backend::open(config(module, NSS_LABEL)).err().unwrap().to_string();
        assert!(without.contains("ArgumentsBad") && without.contains("`init_string`"), "{without}");
        let backend = Pkcs11Backend::open(nss(module)).unwrap();
        assert_signs(&backend, &p256(&backend).await).await;
        let other = Config { init_string: Some("configdir='sql:elsewhere'".to_owned()), ..nss(module) };
        let refused = Pkcs11Backend::open(other).err().unwrap();
        assert!(matches!(&refused, OpenError::Module { why, .. } if why.contains("another string")), "{refused}");
    });
}

/// A database without a password: nobody logs in, and no PIN is presented.
#[test]
fn a_token_without_login_is_used_without() {
    with_nss("a_token_without_login_is_used_without", "", async |module: &Path| {
        let text = VendorProfile::named("nss").unwrap().text().replace("[token]\n", "[token]\nlogin = false\n");
        let profile = VendorProfile::parse(&text).unwrap();
        let backend = Pkcs11Backend::open(Config { profile: Some(profile), ..nss(module) }).unwrap();
        assert_signs(&backend, &p256(&backend).await).await;
    });
}

#[test]
fn tpm2_pkcs11_conforms() {
    with_tpm2("tpm2_pkcs11_conforms", async |module: &Path| {
        let report = conforms("tpm2-pkcs11", config(module, LABEL)).await;
        for row in ["p256 sign", "p384 sign", "rsa2048 sign rsa-pkcs1-sha256"] {
            assert!(report.tested.iter().any(|tested| tested.starts_with(row)), "{row}: {:?}", report.skipped);
        }
        assert!(refusal(&report, "rsa2048 encrypt").contains("refused by the vendor profile `tpm2-pkcs11`"));
    });
}

#[test]
fn opencryptoki_conforms() {
    with_opencryptoki("opencryptoki_conforms", async |module: &Path| {
        find_or_init_token(module, LABEL, &secret(SO_PIN.as_bytes()), &secret(PIN.as_bytes())).unwrap();
        let report = conforms("opencryptoki", config(module, LABEL)).await;
        for row in ["rsa3072 sign", "rsa3072 encrypt", "hmac-sha256 mac"] {
            assert!(report.tested.iter().any(|tested| tested.starts_with(row)), "{row}: {:?}", report.skipped);
        }
        assert!(refusal(&report, "p256 sign").ends_with("the token offers no CKM_EC_KEY_PAIR_GEN"));
    });
}
