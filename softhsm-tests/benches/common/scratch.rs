//! Scratch tokens for a bench that opens SoftHSM in its own process.

use std::process::Command;
use std::{env, fs};

const PREPARED: &str = "HUFU_BENCH_PREPARED";

/// Whether this process knows where its tokens are.
pub(crate) fn is_prepared() -> bool {
    env::var_os(PREPARED).is_some()
}

/// Runs this program again with scratch tokens: SoftHSM reads where they are once, from the environment.
pub(crate) fn prepare_and_run(arguments: &[String]) {
    let scratch = tempfile::tempdir().unwrap();
    let (conf, tokens) = (scratch.path().join("softhsm2.conf"), scratch.path().join("tokens"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&conf, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    let mut again = Command::new(env::current_exe().unwrap());
    let status = again.args(arguments).env("SOFTHSM2_CONF", &conf).env(PREPARED, "1").status().unwrap();
    assert!(status.success(), "{status}");
}
