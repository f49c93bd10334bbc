//! A deployment with a history, whose files can be put back to what they were.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hufu_core::record::VersionRecord;
use hufu_softhsm_tests::{Cli, ConfigBuilder, Daemon, Database, Stopped, Storage};

/// A stopped deployment of two tenants. Its three earlier servers left: keys; a revocation; an ordinary stop.
pub(crate) struct Scene {
    stopped: Option<Stopped>,
    builder: ConfigBuilder,
    root: PathBuf,
    /// Length of the log before the last start.
    logged: usize,
}

impl Scene {
    pub(crate) fn build() -> Self {
        let builder = ConfigBuilder::new(Storage::Sqlite).with_other_tenant("rival");
        let daemon = Daemon::start_config(&builder);
        let root = daemon.scratch().to_owned();
        let mut scene = Self { stopped: None, builder, root, logged: 0 };
        first_server(&daemon);
        scene.stop(daemon);
        scene.save("early");
        let daemon = scene.try_start().unwrap();
        second_server(&daemon);
        scene.stop(daemon);
        let daemon = scene.try_start().unwrap();
        daemon.cli("admin").ok("sign good --in message --out sig");
        // What is kept outside follows the newest record within a second.
        std::thread::sleep(Duration::from_millis(1_500));
        scene.stop(daemon);
        scene.save("base");
        scene
    }

    /// Everything as it was when the last server had stopped.
    pub(crate) fn restore(&self) {
        self.database().restore(&self.saved("base"));
        copy_all(&self.saved("base").join("outside"), &self.outside());
    }

    /// Starts it; the log of this start if that is refused.
    pub(crate) fn try_start(&mut self) -> Result<Daemon, String> {
        let stopped = self.stopped.take().unwrap();
        self.logged = stopped.log().len();
        match stopped.try_start() {
            Ok(daemon) => {
                self.builder.write_profiles(&daemon);
                Ok(daemon)
            }
            Err(stopped) => {
                let log = self.since_start(&stopped.log());
                self.stopped = Some(stopped);
                Err(log)
            }
        }
    }

    /// The part of a log that the last start has written.
    pub(crate) fn since_start(&self, log: &str) -> String {
        log.get(self.logged..).unwrap_or_default().to_owned()
    }

    pub(crate) fn stop(&mut self, daemon: Daemon) {
        self.stopped = Some(daemon.kill());
    }

    pub(crate) fn database(&self) -> Database {
        Database::at(self.root.join("e2e.db"))
    }

    /// A copy of the database and of what is kept outside it: `early` is from before the revocation.
    pub(crate) fn saved(&self, name: &str) -> PathBuf {
        self.root.join("saved").join(name)
    }

    /// What the service keeps outside its database.
    pub(crate) fn outside(&self) -> PathBuf {
        self.root.join("outside")
    }

    pub(crate) fn version(&self, key: &str) -> VersionRecord {
        let records = self.database().records::<VersionRecord>();
        records.into_iter().find(|version| version.key.as_str() == key).unwrap()
    }

    /// Row id of version 1 of a key.
    pub(crate) fn version_row(&self, key: &str) -> String {
        self.version(key).name().row_id()
    }

    /// The log either extends what was seen before the edit or says that it cannot prove so.
    pub(crate) fn no_fork(&self, cli: &Cli) -> Result<(), String> {
        let run = cli.run("ledger consistency late.note --key log.pub");
        // Exit code 1 is a proof that does not verify: the service has told something else than before.
        if run.code == 1 { Err(format!("a fork: {}", run.stderr)) } else { Ok(()) }
    }

    fn save(&self, name: &str) {
        self.database().save(&self.saved(name));
        copy_all(&self.outside(), &self.saved(name).join("outside"));
    }
}

fn first_server(daemon: &Daemon) {
    let admin = daemon.cli("admin");
    admin.write("message", b"message");
    for key in ["good", "twin", "doomed"] {
        admin.ok(&format!("key create {key} --algorithm p256 --protection hsm"));
        admin.ok(&format!("sign {key} --in message --out {key}.sig"));
    }
    for key in ["soft-a", "soft-b"] {
        admin.ok(&format!("key create {key} --algorithm ed25519 --protection software"));
    }
    daemon.cli("operator").ok("key create theirs --algorithm ed25519 --protection software");
    admin.ok("ledger key --out log.pub");
}

fn second_server(daemon: &Daemon) {
    let admin = daemon.cli("admin");
    admin.ok("key revoke doomed --reason key-compromise");
    admin.ok("sign good --in message --out sig");
    // Only a checkpoint with the revocation in it will do.
    admin.ok("ledger prove doomed@1 --out doomed.bundle");
    admin.ok("ledger checkpoint --out late.note");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
