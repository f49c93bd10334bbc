//! `cargo xtask conformance`: runs the suite of the key stores over every implementation, and writes the table of the results
//! into the documentation.

mod table;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::install;
use crate::workspace::Workspace;

use table::Table;
pub(crate) use table::problems;

/// The table in the documentation.
pub(crate) const DOCUMENT: &str = "docs/operations/conformance.md";

/// Names the directory that the tests write their runs to.
pub(crate) const DIRECTORY: &str = "HUFU_CONFORMANCE_DIR";

/// The crates whose tests run the suite; a part of the name of each such test.
const PACKAGES: [&str; 4] = ["hufu-software", "hufu-pkcs11", "hufu-worker", "hufu-tpm"];
const TESTS: &str = "conform";

/// Runs the suite where its components are, and writes the table.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    install::ensure(&install::needed_by_tests())?;
    let directory = fresh_directory(workspace)?;
    let mut cargo = workspace.cargo(["test", "--locked", "--no-fail-fast"]);
    for package in PACKAGES {
        cargo = cargo.args(["-p", package]);
    }
    cargo.args([TESTS, "--", "--nocapture"]).env(DIRECTORY, &directory).run()?;
    let table = Table::read(&directory)?;
    table.missing().iter().for_each(|missing| println!("skipped: {missing}: see its test's output"));
    let path = workspace.root().join(DOCUMENT);
    fs::write(&path, table.to_markdown()).map_err(Error::file("write", &path))
}

/// An empty directory for the runs of one call.
pub(crate) fn fresh_directory(workspace: &Workspace) -> Result<PathBuf, Error> {
    let directory = workspace.target().join("conformance");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(Error::file("remove", &directory))?;
    }
    fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
    Ok(directory)
}

/// Tells where the runs differ from the documentation; answers what was not run.
pub(crate) fn compare(workspace: &Workspace, directory: &Path) -> Result<Vec<String>, Error> {
    let path = workspace.root().join(DOCUMENT);
    let table = Table::read(directory)?;
    let documented = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    for name in table.differences(&documented) {
        println!("note: {DOCUMENT} tells otherwise of {name}: run `cargo xtask conformance` if it is right");
    }
    Ok(table.missing().into_iter().map(|name| format!("conformance of {name}: its component is not there")).collect())
}
