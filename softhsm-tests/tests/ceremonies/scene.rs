//! A server, and custodians that it knows.

use std::time::Duration;

use hufu_ceremony::Pins;
use hufu_sdk::v1::ceremony;
use hufu_sdk::{Client, KeyRef};
use hufu_softhsm_tests::{ConfigBuilder, Council, Daemon, Storage, wait_until};
use serde_json::Value;
use tokio::runtime::Runtime;

/// Nothing here depends on how fast it is.
pub(crate) const LONG: Duration = Duration::from_secs(180);

/// A server, and custodians that it knows.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    pub(crate) builder: ConfigBuilder,
    pub(crate) council: Council,
}

fn rules() -> String {
    let rule = "approvals = 2\norganisations = 2\nlifetime_max_s = 604800\n";
    let others = ["rotate-label", "rotate-tenant-key", "rotate-root", "destruction"];
    let others = others.map(|kind| format!("[rules.{kind}]\n{rule}")).concat();
    format!("[rules.rotate-key]\n{rule}logged_first = true\n{others}")
}

impl Scene {
    /// The first start makes the log's key, which is pinned; the second one knows the people.
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let builder = ConfigBuilder::new(Storage::Sqlite);
        let daemon = Daemon::start_config(&builder);
        runtime.block_on(async {
            let refused = daemon.client("admin").ceremony("ceremonies/1").await.unwrap_err();
            assert_eq!(refused.reason(), Some("CEREMONIES_OFF"), "{refused}");
        });
        let council = Council::of(&daemon.cli("admin"), &rules());
        let stopped = daemon.terminate();
        council.join(&stopped);
        let daemon = stopped.start();
        builder.write_profiles(&daemon);
        Self { daemon, builder, council }
    }

    pub(crate) fn client(&self) -> Client {
        self.daemon.client("admin")
    }

    /// The same, where no runtime has been entered.
    pub(crate) fn client_on(&self, runtime: &Runtime) -> Client {
        let _entered = runtime.enter();
        self.client()
    }

    pub(crate) fn killed_and_started(self) -> Self {
        let daemon = self.daemon.kill().start();
        self.builder.write_profiles(&daemon);
        Self { daemon, ..self }
    }

    pub(crate) fn propose(&self, number: u64, act: &str) -> Value {
        self.council.propose(&self.daemon.cli("admin"), number, act, "")
    }

    pub(crate) fn approval(&self, number: u64, who: &str) -> Vec<u8> {
        self.council.approval(&self.daemon.cli("admin"), number, who)
    }

    pub(crate) fn approve(&self, number: u64, who: &str) {
        self.council.approve(&self.daemon.cli("admin"), number, who);
    }

    pub(crate) async fn state(&self, name: &str) -> ceremony::State {
        self.client().ceremony(name).await.unwrap().state()
    }

    pub(crate) fn wait_for(&self, runtime: &Runtime, name: &str, state: ceremony::State) {
        let seen = wait_until(LONG, || (runtime.block_on(self.state(name)) == state).then_some(()));
        seen.unwrap_or_else(|| panic!("{name} is not {state:?}: {}", self.daemon.log()));
    }

    pub(crate) fn pins(&self) -> Pins {
        self.council.pins()
    }
}

pub(crate) async fn newest(client: &Client, id: &str) -> String {
    let key: KeyRef = id.parse().unwrap();
    let name = client.key(&key).await.unwrap().latest_version.unwrap().name;
    name.rsplit('/').next().unwrap().to_owned()
}
