//! Finds `hufud`, `hufu-hsm-worker`, `hufu` and the module that fails by script, and builds them where they are missing or
//! older than their sources.
//!
//! `HUFU_TEST_PROGRAMS` names a directory with other ones to test as they are, such as an installed release.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The daemon.
pub fn hufud() -> &'static Path {
    &programs().hufud
}

/// The command.
pub fn hufu() -> &'static Path {
    &programs().hufu
}

/// The process that `hufud` keeps the token's driver in.
pub fn hsm_worker() -> &'static Path {
    &programs().hsm_worker
}

/// The PKCS#11 module that fails by script.
pub(crate) fn fault_module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let profile_dir = profile_dir();
        let module = profile_dir.join("libhufu_fault_module.so");
        let _alone = lock(&profile_dir);
        if !is_fresh(&module) {
            build(&profile_dir, &["hufu-fault-module"]);
        }
        module
    })
}

struct Programs {
    hufud: PathBuf,
    hufu: PathBuf,
    hsm_worker: PathBuf,
}

impl Programs {
    fn of(dir: &Path) -> Self {
        Self { hufud: dir.join("hufud"), hufu: dir.join("hufu"), hsm_worker: dir.join("hufu-hsm-worker") }
    }

    fn are_fresh(&self) -> bool {
        [&self.hufud, &self.hufu, &self.hsm_worker].into_iter().all(|program| is_fresh(program))
    }
}

fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        if let Some(dir) = env::var_os("HUFU_TEST_PROGRAMS").map(PathBuf::from) {
            return Programs::of(&dir);
        }
        let profile_dir = profile_dir();
        let programs = Programs::of(&profile_dir);
        let _alone = lock(&profile_dir);
        if !programs.are_fresh() {
            build(&profile_dir, &["hufu-server", "hufu-cli", "hufu-worker"]);
        }
        programs
    })
}

/// Test processes run beside each other: one builds, the others wait and find everything fresh.
fn lock(profile_dir: &Path) -> File {
    let lock = File::create(profile_dir.join(".hufu-softhsm-tests.lock")).expect("the target directory is writable");
    lock.lock().expect("the lock of the target directory");
    lock
}

/// `target/debug` or `target/release`: tests run from its `deps`.
fn profile_dir() -> PathBuf {
    let test = env::current_exe().expect("the path of the test program");
    test.ancestors().nth(2).expect("tests are built into `target/PROFILE/deps`").to_owned()
}

/// Whether a program is newer than every source file that Cargo lists for it.
fn is_fresh(program: &Path) -> bool {
    let Some(built) = modified(program) else { return false };
    let Ok(listed) = fs::read_to_string(program.with_extension("d")) else { return false };
    let Some((_, sources)) = listed.split_once(':') else { return false };
    sources.split_whitespace().all(|source| modified(Path::new(source)).is_some_and(|at| at <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

fn build(profile_dir: &Path, packages: &[&str]) {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--locked"]).args(packages.iter().flat_map(|package| ["-p", package]));
    if profile_dir.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace");
    let target = profile_dir.parent().expect("a profile lies in the target directory");
    let status = command.current_dir(workspace).env("CARGO_TARGET_DIR", target).status();
    assert!(status.is_ok_and(|status| status.success()), "{packages:?} could not be built");
}
