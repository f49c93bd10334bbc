//! A server with keys that custodians hold together, and these custodians.

#![allow(dead_code, clippy::indexing_slicing, reason = "not every test needs all of it; a test fails by panicking")]

use std::time::Duration;

use hufu_softhsm_tests::{Cli, ConfigBuilder, Council, Daemon, Storage, wait_until};

/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(300);
pub(crate) const CUSTODIANS: [(&str, &str); 3] = [("ann", "north"), ("ben", "south"), ("cho", "east")];

const RULES: &str =
    "approvals = 2\norganisations = 2\nveto = \"auditor\"\ndelay_s = 1\nlifetime_max_s = 604800\nshares = 2\n";

/// A server that knows its custodians.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    pub(crate) builder: ConfigBuilder,
    pub(crate) council: Council,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let builder = ConfigBuilder::new(Storage::Sqlite);
        let daemon = Daemon::start_config(&builder);
        let rules =
            ["recovery", "drill", "refresh", "reshare"].map(|kind| format!("[rules.{kind}]\n{RULES}")).concat();
        let council = Council::of(&daemon.cli("admin"), &rules);
        let stopped = daemon.terminate();
        council.join(&stopped);
        let daemon = stopped.start();
        builder.write_profiles(&daemon);
        Self { daemon, builder, council }
    }

    pub(crate) fn cli(&self) -> Cli {
        self.daemon.cli("admin")
    }

    pub(crate) fn wait_for(&self, number: u64, state: &str) {
        let cli = self.cli();
        let show = format!("ceremony show {number}");
        let seen = wait_until(LONG, || (cli.json(&show)["state"] == state).then_some(()));
        seen.unwrap_or_else(|| panic!("it is not {state}: {}{}", cli.ok(&show), self.daemon.log()));
    }

    /// A ceremony that is ready for shares: proposed by Ann, approved by the others.
    pub(crate) fn ready(&self, number: u64, act: &str, next: &str) {
        let cli = self.cli();
        self.council.propose(&cli, number, act, next);
        self.wait_for(number, "collecting");
        for who in ["ben", "cho"] {
            self.council.approve(&cli, number, who);
        }
        self.wait_for(number, "ready");
    }
}
