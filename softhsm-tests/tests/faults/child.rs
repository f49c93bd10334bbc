//! Tests whose module reads the environment of its process: the test runs again in a process of its own, because a process
//! should not change its own environment.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells the child where its files are.
const SCRATCH: &str = "HUFU_TEST_SCRATCH";

/// In the child: the scratch directory. In the parent: nothing, after the child has ended well.
pub(crate) fn enter<V: AsRef<std::ffi::OsStr>>(
    test: &str,
    environment: impl Fn(&Path) -> Vec<(&'static str, V)>,
) -> Option<PathBuf> {
    if let Some(scratch) = std::env::var_os(SCRATCH) {
        return Some(PathBuf::from(scratch));
    }
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(SCRATCH, scratch.path())
        .envs(environment(scratch.path()))
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    None
}
