//! How to go on with a server that was left running.

use crate::workspace::Workspace;

use super::server::Server;

/// Prints the commands to talk to the server and to stop it.
pub(super) fn print(workspace: &Workspace, server: &Server) {
    let hufu = workspace.binary("hufu");
    let ready = server.ready();
    println!("\nThe server goes on at {}. Talk to it:\n", ready.address);
    println!("  export HUFU_PROFILE={}", ready.profile.display());
    println!("  alias hufu={}", hufu.display());
    println!("  hufu status");
    println!("  hufu key list");
    println!("  hufu key create mine --algorithm ed25519 --protection hsm");
    println!("  hufu sign mine --in README.md --out readme.sig");
    println!("  hufu audit list");
    println!("\nStop it with `kill {}`.", server.pid());
}
