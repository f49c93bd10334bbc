//! `hufud` and a token that needs a profile: NSS, which is initialised by a string and shares its serial number with another token.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it skips")]

use std::fs;
use std::path::{Path, PathBuf};

use hufu_softhsm_tests::{ConfigBuilder, Daemon, Stopped, Storage, Tool};

const DIRECTORIES: [&str; 3] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"];

/// Its service's own log signs with Ed25519, so NSS 3.87 cannot be a root token: told with the reason, after the worker has opened it.
#[test]
fn hufud_opens_nss_and_says_what_it_lacks() {
    let Some(module) = module() else { return };
    let stopped = Daemon::start_config(&ConfigBuilder::new(Storage::Sqlite)).terminate();
    let before = stopped.log().len();
    configure(&stopped, &module);
    let Err(stopped) = stopped.try_start() else {
        println!("skipped: the refusal: this NSS has Ed25519");
        return;
    };
    let log = stopped.log().split_off(before);
    assert!(log.contains(r#""message":"the worker serves""#) && log.contains(r#""profile":"nss""#), "{log}");
    assert!(log.contains("the root token: the token offers no CKM_EC_EDWARDS_KEY_PAIR_GEN"), "{log}");
}

fn module() -> Option<PathBuf> {
    let found = DIRECTORIES.iter().map(|directory| Path::new(directory).join("libsoftokn3.so"));
    let found = found.into_iter().find(|path| path.is_file());
    let tool = Tool::new("which").args(["certutil"]).output().status.success();
    if found.is_none() || !tool {
        println!(
            "skipped: hufud_opens_nss_and_says_what_it_lacks: NSS and `certutil` are not installed (libnss3-tools)"
        );
        return None;
    }
    found
}

/// Makes a database with the PIN of the configuration, and writes a new installation on it.
fn configure(stopped: &Stopped, module: &Path) {
    let database = stopped.scratch().join("nssdb");
    fs::create_dir(&database).unwrap();
    let named = format!("sql:{}", database.display());
    let pin = stopped.dir().join("pin");
    Tool::new("certutil").args(["-N", "-d", &named, "-f"]).args(["data/pin"]).dir(stopped.scratch()).ok();
    assert!(pin.is_file());
    let file = stopped.scratch().join("hufu.toml");
    let text =
        fs::read_to_string(&file).unwrap().replace("e2e.db", "nss.db").replace("\"outside\"", "\"nss-outside\"");
    let token = format!(
        "module = {module:?}\nserial = \"0000000000000000\"\nprofile = \"nss\"\n\
         init_string = \"configdir='{named}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=\"\n"
    );
    let kept = |line: &&str| !line.starts_with("module = ") && !line.starts_with("serial = ");
    let rest = text.lines().filter(kept).collect::<Vec<_>>().join("\n");
    fs::write(&file, rest.replace("[token]\n", &format!("[token]\n{token}"))).unwrap();
}
