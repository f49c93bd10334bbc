//! Client profiles of a development start, written once the port is known.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{PRINCIPALS, TENANT};
use crate::files;

/// Writes a profile for each principal, and answers where the admin's is.
pub(crate) fn write_profiles(dir: &Path, server: SocketAddr, ledger: Option<SocketAddr>) -> std::io::Result<PathBuf> {
    let profiles = dir.join("profiles");
    for (name, _) in PRINCIPALS {
        let ledger = ledger.map(|address| format!("ledger_url = \"http://{address}\"\n")).unwrap_or_default();
        let content = format!(
            "# Made by `hufud --dev`: for development alone.\n\
             server = \"https://{server}\"\n\
             tenant = \"{TENANT}\"\n\
             ca_file = \"../ca/ca.pem\"\n\
             certificate_file = \"{name}.pem\"\n\
             key_file = \"{name}.key\"\n\
             {ledger}"
        );
        files::replace(&profiles.join(format!("{name}.toml")), content.as_bytes())?;
    }
    Ok(profiles.join("admin.toml"))
}
