//! The other side, by the command `openssl` alone.

use std::fs;

use hufu_softhsm_tests::{Cli, openssl, openssl_ok};

/// Wraps `material` for the RSA key in `import.pem`, as the manual tells: RSA-OAEP of an AES key, then AES-KWP of the material.
pub(crate) fn wrap(cli: &Cli, hash: &str, material: &str, out: &str) {
    let dir = cli.dir();
    openssl_ok(dir, "rand -out aes.bin 32");
    let oaep = format!("-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{hash} -pkeyopt rsa_mgf1_md:{hash}");
    openssl_ok(dir, &format!("pkeyutl -encrypt -pubin -inkey import.pem {oaep} -in aes.bin -out aes.enc"));
    let key = hex::encode(cli.read("aes.bin"));
    openssl_ok(dir, &format!("enc -id-aes256-wrap-pad -e -K {key} -iv A65959A6 -in {material} -out material.kwp"));
    let wrapped = [cli.read("aes.enc"), cli.read("material.kwp")].concat();
    fs::write(cli.path(out), wrapped).unwrap();
}

/// Opens what was exported to the RSA key in `private`, and writes what is in it.
pub(crate) fn open(cli: &Cli, private: &str, wrapped: &str, out: &str) {
    let dir = cli.dir();
    let bytes = cli.read(wrapped);
    fs::write(cli.path("aes.enc"), &bytes[..384]).unwrap();
    fs::write(cli.path("material.kwp"), &bytes[384..]).unwrap();
    let oaep = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
    openssl_ok(dir, &format!("pkeyutl -decrypt -inkey {private} {oaep} -in aes.enc -out aes.bin"));
    let key = hex::encode(cli.read("aes.bin"));
    openssl_ok(dir, &format!("enc -id-aes256-wrap-pad -d -K {key} -iv A65959A6 -in material.kwp -out {out}"));
}

/// Makes a pair with the options of `openssl genpkey`: `NAME.key` (PKCS#8, PEM), `NAME.der` (PKCS#8, DER) and `NAME.pub`.
pub(crate) fn pair(cli: &Cli, name: &str, options: &str) {
    let dir = cli.dir();
    openssl_ok(dir, &format!("genpkey {options} -out {name}.any"));
    openssl_ok(dir, &format!("pkcs8 -topk8 -nocrypt -in {name}.any -out {name}.key"));
    openssl_ok(dir, &format!("pkcs8 -topk8 -nocrypt -in {name}.any -outform DER -out {name}.der"));
    openssl_ok(dir, &format!("pkey -in {name}.key -pubout -out {name}.pub"));
    private(cli, &format!("{name}.key"));
    private(cli, &format!("{name}.der"));
}

/// Makes a file readable by its owner only.
pub(crate) fn private(cli: &Cli, name: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(cli.path(name), fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn verifies(cli: &Cli, public: &str, options: &str, signature: &str) -> bool {
    let line = format!("pkeyutl -verify -pubin -inkey {public} -rawin {options} -in message -sigfile {signature}");
    openssl(cli.dir(), &line).status.success()
}

/// The import key out of an offer.
pub(crate) fn import_key(cli: &Cli, offer: &str) {
    let text = String::from_utf8(cli.read(offer)).unwrap();
    let end = "-----END PUBLIC KEY-----\n";
    let pem = &text[..text.find(end).unwrap() + end.len()];
    fs::write(cli.path("import.pem"), pem).unwrap();
}
