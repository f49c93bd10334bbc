//! `cargo xtask quickstart`: a development server, and two keys from birth to proven revocation.

mod cast;
mod ceremony;
mod hints;
mod server;
mod story;
mod walk;

use crate::error::Error;
use crate::install::{self, OPENSSL, SOFTHSM};
use crate::workspace::Workspace;

pub(crate) use ceremony::run as ceremony;

use cast::CAST;
use server::Server;
use story::Story;
use walk::Walk;

/// Installs, builds, starts a server on a fresh data directory and tells the story of its keys.
///
/// With `keep` the server and its directory stay, and the commands to talk to it are printed.
///
/// # Errors
///
/// The first step that does not do what it promises ends the run with its output.
pub(crate) fn run(workspace: &Workspace, keep: bool) -> Result<(), Error> {
    install::ensure(&[SOFTHSM, OPENSSL])?;
    workspace.build_binaries()?;
    let directory = tempfile::Builder::new()
        .prefix("hufu-quickstart-")
        .tempdir()
        .map_err(Error::file("create", &std::env::temp_dir()))?;
    let story = Story::default();
    let server = Server::start(&story, &workspace.binary("hufud"), directory.path(), keep)?;
    let mut walk = Walk::new(workspace, &server, directory.path(), story)?;
    for key in &CAST {
        walk.life(key)?;
    }
    walk.refused_without_fallback()?;
    if keep {
        walk.offline()?;
        hints::print(workspace, &server);
        server.leave_running();
        // The directory is the server's now.
        let _ = directory.keep();
        return Ok(());
    }
    walk.stop(server)?;
    walk.offline()?;
    println!("\nAll of it held. `cargo xtask quickstart --keep` leaves the server running.");
    Ok(())
}
