//! Modules that need a profile, through the backend.

mod support;

use std::path::Path;

use hufu_conformance::backend::{Finding, Subject, survey};
use hufu_core::backend::KeyBackend;
use hufu_pkcs11::{Config, Pkcs11Backend, TokenSelector, VendorProfile, find_or_init_token};
use support::modules::{LABEL, PIN, nss_database, with_nss, with_opencryptoki, with_tpm2};
use support::{OsRng, scratch, secret, software};

async fn conforms(config: Config) {
    let (backend, verifier) = (Pkcs11Backend::open(config).unwrap(), software());
    println!("profile: {:?}, simulated: {}", backend.vendor_profile(), backend.capabilities().simulated);
    let subject = Subject { backend: &backend, verifier: &verifier, rng: &OsRng, wrapping_key: None };
    for row in survey(&subject, |_| ()).await {
        match row.finding {
            Finding::Holds => println!("tested: {}", row.name),
            Finding::Refused(why) => println!("refused: {}: {why}", row.name),
            Finding::Fails(failure) => println!("FAILS: {failure}"),
        }
        println!("    {:?}", row.skipped);
    }
}

#[test]
fn nss_conforms() {
    with_nss("nss_conforms", async |module: &Path| {
        let database = nss_database(&scratch());
        let mut config = Config::new(module, TokenSelector::Label("NSS Certificate DB".to_owned()), secret(PIN.as_bytes()));
        config.init_string = Some(format!("configdir='{}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=", database.display()));
        config.profile = Some(VendorProfile::named("nss").unwrap());
        conforms(config).await;
    });
}

#[test]
fn tpm2_pkcs11_conforms() {
    with_tpm2("tpm2_pkcs11_conforms", async |module: &Path| {
        let mut config = Config::new(module, TokenSelector::Label(LABEL.to_owned()), secret(PIN.as_bytes()));
        conforms(config).await;
    });
}

#[test]
fn opencryptoki_conforms() {
    with_opencryptoki("opencryptoki_conforms", async |module: &Path| {
        let serial = find_or_init_token(module, LABEL, &secret(b"87654321"), &secret(PIN.as_bytes())).unwrap();
        let mut config = Config::new(module, TokenSelector::Label(LABEL.to_owned()), secret(PIN.as_bytes()));
        conforms(config).await;
    });
}
