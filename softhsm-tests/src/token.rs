//! What is on a token, as another program sees it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::{Tool, softhsm_module};

/// CKA_ID, in hexadecimal, of every object of a class on the token of a development directory, whether the server runs
/// or not.
pub fn token_ids(dir: &Path, class: &str) -> BTreeSet<String> {
    let pin = fs::read_to_string(dir.join("pin")).expect("a development server keeps its PIN there");
    let module = softhsm_module();
    let listed = Tool::new("pkcs11-tool")
        .args([OsStr::new("--module"), module.as_os_str()])
        .args(["--login", "--pin", pin.trim(), "--list-objects", "--type", class])
        .env("SOFTHSM2_CONF", dir.join("softhsm/softhsm2.conf"))
        .ok();
    let ids = listed.lines().filter_map(|line| line.trim().strip_prefix("ID:"));
    ids.map(|id| id.trim().to_ascii_lowercase()).collect()
}
