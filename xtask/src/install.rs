//! Installing what a run needs, and only what is missing.

use std::path::Path;

use crate::error::Error;
use crate::tool::{self, Tool};

/// A Debian package and how to see that it is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    package: &'static str,
    present: fn() -> bool,
}

/// The PKCS#11 token that development and tests stand on.
pub(crate) const SOFTHSM: Need = Need { package: "softhsm2", present: || tool::find("softhsm2-util").is_some() };

/// The foreign verifier.
pub(crate) const OPENSSL: Need = Need { package: "openssl", present: || tool::find("openssl").is_some() };

/// A foreign PKCS#11 client.
pub(crate) const OPENSC: Need = Need { package: "opensc", present: || tool::find("pkcs11-tool").is_some() };

/// Injects failing system calls.
pub(crate) const STRACE: Need = Need { package: "strace", present: || tool::find("strace").is_some() };

/// Writes down every instruction and access of a program that must treat all secrets alike.
pub(crate) const VALGRIND: Need = Need { package: "valgrind", present: || tool::find("valgrind").is_some() };

/// Edits the database behind the server's back.
pub(crate) const SQLITE: Need = Need { package: "sqlite3", present: || tool::find("sqlite3").is_some() };

/// Remoting of PKCS#11, whose server can die alone: the program, and the client's module.
pub(crate) const P11_KIT: [Need; 2] = [
    Need { package: "p11-kit", present: || tool::find("p11-kit").is_some() },
    Need { package: "p11-kit-modules", present: || is_installed("pkcs11/p11-kit-client.so") },
];

/// A TPM 2.0 in software, its resource manager, and PKCS#11 on top of it.
pub(crate) const TPM: [Need; 7] = [
    Need { package: "swtpm", present: || tool::find("swtpm").is_some() },
    Need { package: "tpm2-tools", present: || tool::find("tpm2_getcap").is_some() },
    Need { package: "tpm2-abrmd", present: || tool::find("tpm2-abrmd").is_some() },
    Need { package: "dbus-daemon", present: || tool::find("dbus-daemon").is_some() },
    Need { package: "libtss2-tcti-swtpm0", present: || is_installed("libtss2-tcti-swtpm.so.0") },
    Need { package: "libtss2-tcti-tabrmd0", present: || is_installed("libtss2-tcti-tabrmd.so.0") },
    Need { package: "libtpm2-pkcs11-1", present: || is_installed("pkcs11/libtpm2_pkcs11.so") },
];

/// NSS: its tools, and with them the module.
pub(crate) const NSS: Need = Need { package: "libnss3-tools", present: || tool::find("certutil").is_some() };

/// openCryptoki: the daemon, and with it the module and the token in software.
pub(crate) const OPENCRYPTOKI: Need = Need { package: "opencryptoki", present: || tool::find("pkcsslotd").is_some() };

/// The second database.
pub(crate) const POSTGRESQL: Need = Need { package: "postgresql", present: || crate::postgres::binaries().is_some() };

/// The TCG software stack, which the TPM adapter is built on.
pub(crate) const TSS: Need =
    Need { package: "libtss2-dev", present: || std::path::Path::new("/usr/include/tss2/tss2_esys.h").is_file() };

/// How the build finds it.
pub(crate) const PKG_CONFIG: Need = Need { package: "pkg-config", present: || tool::find("pkg-config").is_some() };

/// What the tests stand on.
pub(crate) fn needed_by_tests() -> Vec<Need> {
    let single = [SOFTHSM, OPENSSL, OPENSC, STRACE, VALGRIND, SQLITE, POSTGRESQL, TSS, PKG_CONFIG, NSS, OPENCRYPTOKI];
    [&single[..], &P11_KIT, &TPM].concat()
}

/// Installs those of `needs` that are missing with apt-get, as root or through sudo.
///
/// # Errors
///
/// [`Error::Missing`] names the packages that we may not install ourselves.
pub(crate) fn ensure(needs: &[Need]) -> Result<(), Error> {
    let missing: Vec<_> = needs.iter().filter(|need| !(need.present)()).map(|need| need.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing what is missing: {}", missing.join(" "));
    let refused = |why| Error::Missing { packages: missing.join(" "), why };
    if tool::find("apt-get").is_none() {
        return Err(refused("no apt-get on this machine"));
    }
    let prefix = privilege()?.ok_or_else(|| refused("neither root nor sudo without password"))?;
    apt_get(prefix, &["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(&missing);
    apt_get(prefix, &install)
}

/// Whether a library is where Debian puts those of its architectures.
fn is_installed(library: &str) -> bool {
    ["x86_64-linux-gnu", "aarch64-linux-gnu"].iter().any(|dir| Path::new("/usr/lib").join(dir).join(library).exists())
}

/// Whether we are root.
pub(crate) fn is_root() -> Result<bool, Error> {
    Ok(Tool::new("id").args(["-u"]).quiet()?.trim() == "0")
}

/// The words before a command that needs root, or nothing if we cannot become root.
fn privilege() -> Result<Option<&'static [&'static str]>, Error> {
    if is_root()? {
        return Ok(Some(&[]));
    }
    let sudo = tool::find("sudo").is_some() && Tool::new("sudo").args(["-n", "true"]).capture()?.code == Some(0);
    Ok(sudo.then_some(&["sudo", "-n"]))
}

fn apt_get(prefix: &[&str], args: &[&str]) -> Result<(), Error> {
    let words =
        prefix.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]).chain(args).copied();
    run_words(words)
}

fn run_words<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let program = words.next().unwrap_or("true");
    Tool::new(program).args(words).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_installed_when_all_is_there() {
        let there = Need { package: "no-such-package", present: || true };
        assert!(ensure(&[there]).is_ok());
    }
}
