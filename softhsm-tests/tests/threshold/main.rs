//! Keys of holders from end to end: a service, three holders in processes of their own, and the command.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod field;
mod kills;
mod relay;

use field::{AS, Field, Setting};
use hufu_softhsm_tests::{Cli, Stopped, Tool, hufud, openssl_ok};

/// Whether OpenSSL takes an Ed25519 signature over `message`.
fn openssl_takes(cli: &Cli, public: &str, signature: &str) {
    openssl_ok(cli.dir(), &format!("pkeyutl -verify -pubin -inkey {public} -rawin -in message -sigfile {signature}"));
}

#[test]
fn holders_make_a_key_and_sign_while_enough_of_them_live() {
    let mut field = Field::new(Setting::default());
    let cli = field.cli();
    cli.write("message", b"pay the bearer");
    field.create("hot", "--algorithm ed25519", 2);
    let shown = cli.json("key show hot");
    assert_eq!((&shown["protection"], &shown["sharing"]["threshold"]), (&"threshold".into(), &2.into()), "{shown}");
    cli.ok("key public hot --out hot.pem");
    cli.ok(&format!("sign hot --in message --out sig {AS}"));
    openssl_takes(&cli, "hot.pem", "sig");
    cli.ok("verify hot --in message --sig sig");

    // One is killed: the others sign. Two are killed: nobody does, and both are named.
    let north = field.kill(0);
    for _ in 0..3 {
        cli.ok(&format!("sign hot --in message --out sig {AS}"));
        openssl_takes(&cli, "hot.pem", "sig");
    }
    let south = field.kill(1);
    let error = cli.fails(5, &format!("--timeout 8s sign hot --in message --out sig {AS}"));
    assert!(error.contains("TOO_FEW_HOLDERS") && error.contains("north") && error.contains("south"), "{error}");
    let error = cli.fails(5, &format!("--timeout 8s key rotate hot {AS}"));
    assert!(error.contains("TOO_FEW_HOLDERS") && error.contains("north: no answer"), "{error}");

    // Shares are kept: they come back, and sign; all three make the next version.
    field.restart(0, north);
    cli.ok(&format!("sign hot --in message --out sig {AS}"));
    openssl_takes(&cli, "hot.pem", "sig");
    field.restart(1, south);
    field.wait_for(3);
    cli.ok(&format!("key rotate hot {AS}"));
    cli.ok("key public hot --out hot2.pem");
    assert_ne!(cli.read("hot.pem"), cli.read("hot2.pem"));
    cli.ok(&format!("sign hot --in message --out sig2 {AS}"));
    openssl_takes(&cli, "hot2.pem", "sig2");
    cli.ok("verify hot@1 --in message --sig sig");

    // So does the service.
    field.restart_service();
    let cli = field.cli();
    cli.ok(&format!("sign hot --in message --out sig2 {AS}"));
    openssl_takes(&cli, "hot2.pem", "sig2");
    let trail = cli.json("audit list --limit 200").to_string();
    assert!(trail.contains("requester wallet"), "{trail}");
    assert!(trail.contains("north: no answer"), "{trail}");
}

#[test]
fn bitcoins_verifier_takes_their_signatures() {
    let field = Field::new(Setting { may_destroy: true, ..Setting::default() });
    let cli = field.cli();
    cli.write("message", b"a transaction");
    field.create("cold", "--algorithm secp256k1 --scheme schnorr-bip340", 3);
    cli.ok(&format!("sign cold --in message --out sig {AS}"));
    cli.ok("verify cold --in message --sig sig");
    cli.ok("key public cold --out cold.pem");
    openssl_ok(cli.dir(), "pkey -pubin -in cold.pem -outform DER -out cold.der");
    let point = k256::PublicKey::from_sec1_bytes(&cli.read("cold.der")[23..]).unwrap();
    let key = k256::schnorr::VerifyingKey::try_from(point).unwrap();
    let signature = k256::schnorr::Signature::try_from(cli.read("sig").as_slice()).unwrap();
    key.verify_raw(b"a transaction", &signature).unwrap();

    // Without a mandate nothing is signed, nor with one of somebody whom the holders do not let.
    let error = cli.fails(2, "sign cold --in message --out sig");
    assert!(error.contains("MANDATE_MISSING"), "{error}");
    let error = cli.fails(3, "sign cold --in message --out sig --as thief.key --passphrase-file pass");
    assert!(error.contains("MANDATE_REFUSED") && error.contains("unknown requester"), "{error}");
    let error = cli.fails(3, &format!("sign cold --in message --out sig {AS} --expires 1d"));
    assert!(error.contains("MANDATE_REFUSED") && error.contains("good for too long"), "{error}");

    // Destroyed is what all of them have deleted.
    cli.ok("key revoke cold@1 --reason superseded --yes");
    cli.ok("key schedule-destroy cold@1 --after 0s --yes");
    let destroyed = || (cli.json("key show cold@1")["state"] == "destroyed").then_some(());
    hufu_softhsm_tests::wait_until(std::time::Duration::from_secs(60), destroyed).unwrap();
}

/// What `hufud shares` says at a holder that is stopped.
fn shares(holder: &Stopped, work: &[&str]) -> String {
    let config = holder.scratch().join("hufu.toml");
    Tool::new(hufud())
        .args(["shares"])
        .args(work)
        .args(["--config".as_ref(), config.as_os_str()])
        .env("SOFTHSM2_CONF", holder.dir().join("softhsm/softhsm2.conf"))
        .dir(holder.scratch())
        .ok()
}

#[test]
fn holder_with_its_own_keys_on_a_token_makes_keys_and_signs_also_under_a_new_wrapping_key() {
    let mut field = Field::new(Setting { on_token: true, ..Setting::default() });
    let cli = field.cli();
    cli.write("message", b"pay the bearer");
    field.create("hot", "--algorithm ed25519", 2);
    cli.ok("key public hot --out hot.pem");

    // Stopped, and its shares brought under another key; then it is needed, since another one is down.
    let north = field.kill(0);
    let told = shares(&north, &["rotate-key"]);
    assert!(told.contains("1 shares are under the new key"), "{told}");
    field.restart(0, north);
    let south = field.kill(1);
    field.wait_for(2);
    cli.ok(&format!("sign hot --in message --out sig {AS}"));
    openssl_takes(&cli, "hot.pem", "sig");
    field.restart(1, south);
    field.wait_for(3);
    cli.ok(&format!("key rotate hot {AS}"));
    cli.ok("key public hot --out hot2.pem");
    cli.ok(&format!("sign hot --in message --out sig {AS}"));
    openssl_takes(&cli, "hot2.pem", "sig");
}

#[test]
fn destruction_ends_without_a_holder_that_is_gone_and_its_share_is_discarded_when_it_comes_back() {
    let mut field = Field::new(Setting { may_destroy: true, ..Setting::default() });
    let cli = field.cli();
    field.create("hot", "--algorithm ed25519", 2);
    cli.ok("key public hot --out hot.pem");
    cli.ok("key revoke hot@1 --reason superseded --yes");
    let (south, west) = (field.kill(1), field.kill(2));
    cli.ok("key schedule-destroy hot@1 --after 0s --yes");
    // Two that are gone could sign: they are waited for, and it is told.
    let awaited = || cli.json("status").to_string().contains("HOLDER_KEEPS_SHARE").then_some(());
    hufu_softhsm_tests::wait_until(std::time::Duration::from_secs(60), awaited).unwrap();
    assert_eq!(cli.json("key show hot@1")["state"], "destroying");
    field.restart(1, south);
    let destroyed = || (cli.json("key show hot@1")["state"] == "destroyed").then_some(());
    hufu_softhsm_tests::wait_until(std::time::Duration::from_secs(60), destroyed).unwrap();
    let shown = cli.json("key show hot@1");
    assert_eq!(shown["unconfirmed_holders"], serde_json::json!(["west"]), "{shown}");
    let trail = cli.json("audit list --limit 200").to_string();
    assert!(trail.contains("not confirmed by west"), "{trail}");

    let listed = shares(&west, &["list"]);
    let (name, rest) = listed.split_once(" public key ").unwrap();
    let (public_key, rest) = rest.split_once(": ").unwrap();
    assert!(rest.starts_with("kept"), "{listed}");
    openssl_ok(cli.dir(), "pkey -pubin -in hot.pem -outform DER -out hot.der");
    openssl_ok(cli.dir(), "dgst -sha256 -out digest hot.der");
    assert!(String::from_utf8_lossy(&cli.read("digest")).contains(public_key), "{listed}");
    shares(&west, &["discard", "--yes", "--key-version", name, "--public-key", public_key]);
    assert!(shares(&west, &["list"]).contains(": destroyed at "));
    field.restart(2, west);
}
